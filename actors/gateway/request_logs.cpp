#include "gateway/request_logs.hpp"

#include <fstream>

#include "security/access_tokens.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 200ms;
constexpr std::size_t soon = 64 << 10;  // bytes after which they are written at once
constexpr std::size_t line_mostly = 1 << 10;
constexpr std::size_t waiting_max = 1 << 20;  // beyond it lines are dropped
constexpr std::uintmax_t tail_size = 256 << 10;
constexpr rotation access_rotation{.max_size = 16 << 20, .keep = 4};
constexpr rotation audit_rotation{.max_size = 16 << 20, .keep = 16};

std::string loss(std::uint64_t count, int) { return R"({"lost":)" + std::to_string(count) + "}\n"; }

/// The end of a file, from the beginning of a line on.
std::string tail_of(const std::filesystem::path& file) {
  std::error_code ec;
  auto size = std::filesystem::file_size(file, ec);
  std::ifstream in(file, std::ios::binary);
  if (ec || !in) return {};
  auto begin = size > tail_size ? size - tail_size : 0;
  in.seekg(static_cast<std::streamoff>(begin));
  std::string text(size - begin, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return begin == 0 ? text : text.substr(std::min(text.find('\n'), text.size()));
}

std::string tail_with_the_file_before(const std::filesystem::path& file) {
  return tail_of(file.string() + ".1") + tail_of(file);
}

}  // namespace

request_logs::request_logs(loop& l, std::filesystem::path folder, const log_config& config,
                           logger log)
    : loop_(l), audit_path_(folder / "audit.log"), log_(std::move(log)), timer_(l.context()) {
  if (config.access)
    access_ = std::make_shared<log_file>(folder / "access.log", access_rotation, loss);
  if (!config.audit) return;
  audit_ = std::make_shared<log_file>(audit_path_, audit_rotation, loss);
  auto tail = tail_with_the_file_before(audit_path_);
  place_ = end_of_audit(tail).value_or(audit_place{});
  // A line that was cut stays for itself.
  if (!tail.empty() && !tail.ends_with('\n')) audit_->write("\n");
}

void request_logs::close() {
  disk_.stop();
  if (access_ && !waiting_.empty()) access_->write(std::exchange(waiting_, {}));
}

void request_logs::add(const request_record& of, bool audited) {
  if (audited && audit_) audit(of);
  if (!access_) return;
  if (waiting_.size() >= waiting_max) {
    ++dropped_;
    return;
  }
  if (waiting_.empty()) waiting_.reserve(soon + line_mostly);
  append_access_line(waiting_, of);
  if (waiting_.size() >= soon)
    write();
  else
    write_soon();
}

/// Who has no token shall not fill the log until nothing else is in it.
void request_logs::audit(request_record of) {
  if (of.of_nobody()) {
    auto silent = refusals_.allow(std::chrono::steady_clock::now());
    if (!silent) return;
    of.unwritten = *silent;
  }
  auto line = audit_line(of, place_, digest_of_secret);
  if (!disk_.post([file = audit_, line] { file->write(line); }))
    log_.error("an operation is not in the audit log: {}", line);
}

void request_logs::write_soon() {
  if (std::exchange(due_, true)) return;
  timer_.expires_after(longest_wait);
  timer_.async_wait([this](error_code ec) {
    due_ = false;
    if (!ec) write();
  });
}

void request_logs::write() {
  if (waiting_.empty()) return;
  if (dropped_ > 0) waiting_ += loss(std::exchange(dropped_, 0), 0);
  auto lines = std::make_shared<std::string>(std::move(waiting_));
  waiting_.clear();
  if (disk_.post([file = access_, lines] { file->write(*lines); })) return;
  waiting_ = std::move(*lines);
  write_soon();
}

promise<json> request_logs::latest_audited(std::size_t most) {
  promise<json> answer;
  if (!audit_) {
    answer.set_error({errc::conflict, "the audit log is off: log.audit", {}});
    return answer;
  }
  bool posted = disk_.post([path = audit_path_, most, answer] {
    auto tail = tail_with_the_file_before(path);
    json entries = json::array();
    std::string_view rest(tail);
    while (!rest.empty() && entries.size() < most) {
      auto end = rest.find_last_not_of('\n');
      if (end == rest.npos) break;
      rest = rest.substr(0, end + 1);
      auto begin = rest.rfind('\n');
      begin = begin == rest.npos ? 0 : begin + 1;
      if (auto entry = parse_json(rest.substr(begin)); entry && entry->contains("n"))
        entries.push_back(std::move(*entry));
      rest = rest.substr(0, begin);
    }
    answer.set_value({{"entries", std::move(entries)}});
  });
  if (!posted) answer.set_error({errc::overloaded, "too many lines wait for the disk", {}});
  return answer;
}

}  // namespace sm
