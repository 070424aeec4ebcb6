#include "api/token_keeper.hpp"

#include <fstream>
#include <sm/guarded.hpp>
#include <sstream>

#include "system/random.hpp"

namespace sm {
namespace {

constexpr const char* file_name = "tokens.json";
constexpr auto between_writes = std::chrono::hours(1);
constexpr std::size_t secret_bytes = 20;
constexpr std::uintmax_t file_max = 1 << 20;  // of a thousand tokens it has a third

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

token_keeper::token_keeper(loop& l, const state_folder& folder, worker_thread& disk, logger log,
                           std::function<void(std::string_view name)> on_removed)
    : loop_(l),
      folder_(folder),
      disk_(disk),
      log_(std::move(log)),
      on_removed_(std::move(on_removed)),
      timer_(l.context()) {}

result<void> token_keeper::look() {
  if (std::exchange(unreadable_, std::nullopt)) load();  // somebody may have mended it
  if (unreadable_) return tl::unexpected<error>(*unreadable_);
  return {};
}

void token_keeper::load() {
  auto file = folder_.path() / file_name;
  std::error_code ec;
  if (!std::filesystem::exists(file, ec) && !ec) return;
  std::ifstream in(file);
  std::ostringstream text;
  if (std::filesystem::file_size(file, ec) <= file_max && !ec)
    text << in.rdbuf();
  else
    in.setstate(std::ios::failbit);
  auto read = in ? access_tokens::parse(text.str())
                 : result<access_tokens>(fail(errc::unavailable, "cannot be read"));
  if (!read) {
    unreadable_ = error{errc::unavailable, read.error().detail, file.string()};
    log_.error("no token but the state folder's own is taken: {}", to_string(*unreadable_));
    return;
  }
  tokens_ = std::move(*read);
  written_ = tokens_.print();
  if (!tokens_.all().empty()) write_now_and_then();
}

promise<json> token_keeper::add(const std::string& name, api_role role,
                                std::chrono::seconds expires_in, const std::string& services,
                                const principal& by) {
  auto secret = "sm_" + random_hex(secret_bytes);
  auto make = [name, role, expires_in, services, secret](access_tokens& next) -> result<json> {
    auto now = unix_now();
    auto made = next.add(name, role, secret, now,
                         expires_in.count() > 0 ? now + expires_in.count() : 0, services);
    if (!made) return tl::unexpected<error>(made.error());
    return json{{"token", to_json(*made)}, {"secret", secret}};
  };
  return submit(make, [this, name, role, by = to_string(by)] {
    log_.info("the token {} was made, {}, by {}", name, to_string(role), by);
    if (tokens_.all().size() == 1) write_now_and_then();
  });
}

promise<json> token_keeper::add_session(api_role role, std::chrono::seconds expires_in,
                                        const std::string& maker, const principal& by) {
  auto name = "session-" + random_hex(4);
  auto secret = "sm_" + random_hex(secret_bytes);
  auto make = [=](access_tokens& next) -> result<json> {
    auto now = unix_now();
    auto made = next.add_session(name, role, secret, now, now + expires_in.count(), maker);
    if (!made) return tl::unexpected<error>(made.error());
    return json{{"token", to_json(*made)}, {"secret", secret}};
  };
  return submit(make, [this, name, role, maker, by = to_string(by)] {
    log_.info("{} signed in as {}, {}{}{}", by, name, to_string(role),
              maker.empty() ? "" : ", by leave of the token ", maker);
    if (tokens_.all().size() == 1) write_now_and_then();
  });
}

promise<json> token_keeper::remove(const std::string& name, const principal& by) {
  auto gone = std::make_shared<std::vector<std::string>>();
  auto take = [name, gone](access_tokens& next) -> result<json> {
    *gone = next.remove(name);
    if (gone->empty())
      return fail(errc::not_found, "there is no token called '" + name + "'", name);
    return json{{"removed", name}};
  };
  return submit(take, [this, gone, by = to_string(by)] {
    for (auto& name : *gone) {
      log_.info("the token {} was revoked by {}", name, by);
      on_removed_(name);
    }
  });
}

promise<json> token_keeper::submit(change what, std::function<void()> done) {
  promise<json> answer;
  if (auto there = look(); !there) {
    answer.set_error(there.error());
    return answer;
  }
  waiting_.push_back({std::move(what), std::move(done), answer});
  if (!writing_) next();
  return answer;
}

void token_keeper::next() {
  while (!writing_ && !waiting_.empty()) {
    auto asked = std::move(waiting_.front());
    waiting_.pop_front();
    auto wanted = std::make_shared<access_tokens>(tokens_);
    auto outcome = asked.what(*wanted);
    if (!outcome) {
      asked.answer.set_error(outcome.error());
      continue;
    }
    writing_ = disk_.post([this, wanted, asked, outcome] {
      auto written = guarded("tokens.json", [&] { return write(*wanted); });
      loop_.defer([this, wanted, asked, outcome, written] {
        writing_ = false;
        if (written) {
          written_ = wanted->print();
          wanted->take_uses(tokens_);
          tokens_ = std::move(*wanted);
          // Who revokes the token that he shows hears of it before his connection ends.
          asked.answer.set_value(*outcome);
          asked.done();
        } else {
          asked.answer.set_error(written.error());
        }
        next();
      });
    });
    if (!writing_)
      asked.answer.set_error({errc::overloaded, "too many writes wait for the disk", {}});
  }
}

void token_keeper::write_now_and_then() {
  timer_.expires_after(between_writes);
  timer_.async_wait([this](error_code ec) {
    if (ec) return;
    if (!writing_ && tokens_.print() != written_)
      (void)submit([](access_tokens&) -> result<json> { return json{}; }, [] {});
    write_now_and_then();
  });
}

result<void> token_keeper::write(const access_tokens& tokens) const {
  return folder_.write_file(file_name, tokens.print());
}

void token_keeper::save() {
  if (unreadable_ || tokens_.print() == written_ || (tokens_.all().empty() && written_.empty()))
    return;
  if (auto ok = write(tokens_); !ok) log_.error("{}", to_string(ok.error()));
}

}  // namespace sm
