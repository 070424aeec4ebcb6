#include "api/log_service.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <sm/guarded.hpp>

#include "http/event_text.hpp"

namespace sm {
namespace {

constexpr std::uint32_t watched_changes = IN_MODIFY | IN_CREATE | IN_MOVED_TO;
constexpr std::size_t read_max = 256 << 10;  // bytes in hand for one follower

bool is_wanted(const log_query& q, const std::string& line) {
  if (!q.stream.empty() && field_of(line, "stream") != q.stream) return false;
  return q.since.empty() || field_of(line, "ts") >= q.since;
}

std::string shown(const log_query& q, const std::string& line) {
  return q.as_json ? line : readable_line(line);
}

struct tail_of_all {
  std::vector<std::string> lines;
  std::vector<log_position> positions;
};

tail_of_all read_tail(const log_query& q) {
  tail_of_all all;
  if (q.from) {
    for (auto& file : q.files) {
      auto known = q.from->find(file.filename().string());
      if (known != q.from->end()) {
        all.positions.push_back(known->second);
        continue;
      }
      // Of an instance that came meanwhile, as of one that is looked at first.
      auto part = read_last_lines(file, std::max(q.lines, log_query{}.lines),
                                  [&](auto& line) { return is_wanted(q, line); });
      all.positions.push_back(part.position);
      std::move(part.lines.begin(), part.lines.end(), std::back_inserter(all.lines));
    }
    return all;
  }
  for (auto& file : q.files) {
    auto part = read_last_lines(file, q.lines, [&](auto& line) { return is_wanted(q, line); });
    all.positions.push_back(part.position);
    std::move(part.lines.begin(), part.lines.end(), std::back_inserter(all.lines));
  }
  if (q.files.size() > 1)
    std::stable_sort(all.lines.begin(), all.lines.end(),
                     [](auto& a, auto& b) { return field_of(a, "ts") < field_of(b, "ts"); });
  if (all.lines.size() > q.lines)
    all.lines.erase(all.lines.begin(), all.lines.end() - static_cast<std::ptrdiff_t>(q.lines));
  return all;
}

}  // namespace

/// One reader that follows. It reads on when its peer has taken what was read before.
class log_follower : public response_stream, public std::enable_shared_from_this<log_follower> {
 public:
  log_follower(log_service& s, log_query q, tail_of_all begin)
      : service_(s), query_(std::move(q)), positions_(std::move(begin.positions)) {
    add(begin.lines);
    if (begin.lines.empty()) tell_place();
  }

  std::string_view heartbeat() const override { return ":\n\n"; }
  bool pull(std::string& out, std::size_t) override {
    out += ready_;
    if (!std::exchange(ready_, {}).empty() || changed_) read_on();
    return true;
  }

  void on_change() {
    changed_ = true;
    if (ready_.empty()) read_on();
  }

 private:
  void add(const std::vector<std::string>& lines) {
    const std::string* last = nullptr;
    for (auto& line : lines) {
      if (!is_wanted(query_, line)) continue;
      if (last) append_event(ready_, {.data = shown(query_, *last)});
      last = &line;
    }
    // Who goes on from there misses nothing, and may see again what came together with it.
    if (last)
      append_event(ready_,
                   {.id = cursor_text(query_.files, positions_), .data = shown(query_, *last)});
    else if (!lines.empty())
      tell_place();
  }

  /// An id without data is no event for who reads, and moves where he has come to.
  void tell_place() {
    if (auto id = cursor_text(query_.files, positions_); !id.empty())
      ready_ += "id: " + id + "\n\n";
  }

  void read_on() {
    if (std::exchange(reading_, true)) return;
    changed_ = false;
    auto posted = service_.reader_.post(
        [weak = weak_from_this(), files = query_.files, from = positions_, &l = service_.loop_] {
          std::vector<log_lines> more;
          for (std::size_t i = 0; i < files.size(); ++i)
            more.push_back(read_more_lines(files[i], from[i], read_max / files.size() + 1));
          l.defer([weak, more = std::move(more)] {
            if (auto self = weak.lock()) self->on_read(more);
          });
        });
    if (!posted) reading_ = false;
  }

  void on_read(const std::vector<log_lines>& more) {
    reading_ = false;
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < more.size(); ++i) {
      positions_[i] = more[i].position;
      lines.insert(lines.end(), more[i].lines.begin(), more[i].lines.end());
    }
    add(lines);
    if (!ready_.empty())
      wake();
    else if (changed_ || !lines.empty())  // there may be more, though none was wanted
      read_on();
  }

  log_service& service_;
  const log_query query_;
  std::vector<log_position> positions_;
  std::string ready_;
  bool reading_ = false;
  bool changed_ = true;  // something may have been added since the begin was read
};

log_service::log_service(loop& l, std::filesystem::path folder)
    : loop_(l), folder_(std::move(folder)), changes_(l.context()) {}
log_service::~log_service() = default;

promise<response> log_service::tail(log_query query) {
  promise<response> answer;
  bool posted = reader_.post([answer, query = std::move(query)] {
    answer.set(guarded("the reading of logs", [&] {
      response r{.content_type = "text/plain; charset=utf-8"};
      for (auto& line : read_tail(query).lines) r.body += one_line(shown(query, line)) + "\n";
      return r;
    }));
  });
  if (!posted) answer.set_error({errc::overloaded, "too many readers of logs", {}});
  return answer;
}

promise<response> log_service::follow(log_query query) {
  promise<response> answer;
  bool posted = reader_.post([this, answer, query = std::move(query)] {
    auto begin = guarded("the reading of logs", [&] { return read_tail(query); });
    loop_.defer([this, answer, query, begin = std::move(begin)]() mutable {
      if (!begin) return (void)answer.set_error(begin.error());
      auto follower = std::make_shared<log_follower>(*this, query, std::move(*begin));
      followers_.push_back(follower);
      // From now on; it reads once more by itself what came since its begin was read.
      watch();
      answer.set_value({.content_type = "text/event-stream", .stream = follower});
    });
  });
  if (!posted) answer.set_error({errc::overloaded, "too many readers of logs", {}});
  return answer;
}

void log_service::watch() {
  if (!changes_.is_open()) {
    int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return;
    ::inotify_add_watch(fd, folder_.c_str(), watched_changes);
    changes_.assign(fd);
  }
  if (std::exchange(watching_, true)) return;
  changes_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code ec) {
    watching_ = false;
    if (!ec) on_change();
  });
}

void log_service::on_folder_made() {
  if (!changes_.is_open()) return;
  ::inotify_add_watch(changes_.native_handle(), folder_.c_str(), watched_changes);
  for (auto& weak : followers_)
    if (auto follower = weak.lock()) follower->on_change();
}

void log_service::on_change() {
  std::array<char, 16384> drop;
  while (::read(changes_.native_handle(), drop.data(), drop.size()) > 0) {
  }
  std::erase_if(followers_, [](auto& f) { return f.expired(); });
  if (followers_.empty()) {
    error_code ignored;
    changes_.close(ignored);  // nobody looks, so nobody needs to be woken
    return;
  }
  for (auto& weak : followers_)
    if (auto follower = weak.lock()) follower->on_change();
  watch();
}

}  // namespace sm
