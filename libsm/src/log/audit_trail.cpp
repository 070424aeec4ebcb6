#include "log/audit_trail.hpp"

#include "json_members.hpp"
#include "json_writer.hpp"
#include "text/iso_time.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

constexpr std::string_view before_hash = R"(,"hash":")";
constexpr std::size_t hash_size = 64;

/// A whole line in its parts.
struct parts {
  std::string_view hashed;  ///< what its hash is of
  std::uint64_t number = 0;
  std::string previous;
  std::string_view hash;
};

std::optional<parts> take_apart(std::string_view line) {
  auto end_size = before_hash.size() + hash_size + 2;
  if (line.size() < end_size || !line.ends_with("\"}")) return std::nullopt;
  auto hashed = line.substr(0, line.size() - end_size);
  auto end = line.substr(hashed.size());
  if (!end.starts_with(before_hash)) return std::nullopt;
  auto document = parse_json(line);
  if (!document || !at(*document, "n").is_number_unsigned()) return std::nullopt;
  return parts{hashed, at(*document, "n").get<std::uint64_t>(), text_in(*document, "prev"),
               end.substr(before_hash.size(), hash_size)};
}

}  // namespace

std::string audit_line(const request_record& of, audit_place& last, const digest_function& digest) {
  std::string line;
  json_writer out(line);
  out.begin_object();
  out.member("n", last.number + 1);
  out.member("ts", iso_time(of.at));
  out.member("operation", of.operation);
  out.member("method", of.method);
  out.member("path", of.path);
  out.member("by", to_string(*of.who));
  if (of.who->role) out.member("role", to_string(*of.who->role));
  out.member("status", of.status);
  if (of.problem) {
    out.member("code", to_string(of.problem->code));
    out.member("detail", of.problem->detail);
  }
  if (of.unwritten > 0) out.member("unwritten", of.unwritten);
  out.member("id", of.id);
  if (of.trace) out.member("trace_id", of.trace.trace_id());
  out.member("prev", last.hash);
  auto hash = digest(line);
  out.member("hash", hash);
  out.end_object();
  last = {last.number + 1, std::move(hash)};
  return line + '\n';
}

std::optional<audit_place> end_of_audit(std::string_view tail) {
  while (!tail.empty()) {
    auto end = tail.find_last_not_of('\n');
    if (end == tail.npos) break;
    tail = tail.substr(0, end + 1);
    auto begin = tail.rfind('\n');
    begin = begin == tail.npos ? 0 : begin + 1;
    if (auto line = take_apart(tail.substr(begin)))
      return audit_place{line->number, std::string(line->hash)};
    tail = tail.substr(0, begin);
  }
  return std::nullopt;
}

result<void> audit_check::add(std::string_view text) {
  auto line = take_apart(text);
  if (!line) {
    // What a manager that ended had begun, or says of lines that a full disk lost.
    constexpr std::string_view begin = R"({"n":)", lost = R"({"lost":)";
    auto known = std::min(text.size(), begin.size());
    if (text.substr(0, known) != begin.substr(0, known) && !text.starts_with(lost))
      return fail(errc::conflict, "this is no line of an audit log",
                  last_ ? "behind n " + std::to_string(last_->number) : "at its begin");
    ++cut_;
    return {};
  }
  auto where = "n " + std::to_string(line->number);
  if (digest_(line->hashed) != line->hash)
    return fail(errc::conflict, "the line is not as it was written", where);
  if (last_ && line->previous != last_->hash)
    return fail(
        errc::conflict,
        line->number > last_->number + 1
            ? std::to_string(line->number - last_->number - 1) + " lines before it are missing"
            : "it does not follow from n " + std::to_string(last_->number),
        where);
  if (last_ && line->number != last_->number + 1)
    return fail(errc::conflict, "its number does not follow", where);
  if (!last_) first_ = line->number;
  last_ = {line->number, std::string(line->hash)};
  ++lines_;
  return {};
}

}  // namespace sm
