#include "log/request_record.hpp"

#include <array>
#include <charconv>

#include "json_writer.hpp"
#include "text/iso_time.hpp"

namespace sm {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

// By hand: of all that is written down for a request, this is what every request pays for.
void append_access_line(std::string& log, const request_record& of) {
  log += R"({"ts":")";
  append_iso_time(log, of.at);
  log += R"(","client":)";
  append_json_string(log, to_string(*of.who));
  log += R"(,"method":)";
  append_json_string(log, of.method);
  log += R"(,"path":)";
  append_json_string(log, of.path);
  log += R"(,"route":)";
  append_json_string(log, of.route);
  log += R"(,"status":)";
  append_number(log, of.status);
  log += R"(,"bytes":)";
  append_number(log, of.bytes);
  log += R"(,"ms":)";
  auto us = static_cast<std::uint64_t>(of.seconds * 1e6);
  append_number(log, us / 1000);
  const char fraction[4] = {'.', static_cast<char>('0' + us / 100 % 10),
                            static_cast<char>('0' + us / 10 % 10),
                            static_cast<char>('0' + us % 10)};
  log.append(fraction, sizeof fraction);
  log += R"(,"id":)";
  append_json_string(log, of.id);
  if (of.trace) {
    log += R"(,"trace_id":")";
    of.trace.append_trace_id(log);
    log += '"';
  }
  log += "}\n";
}

}  // namespace sm
