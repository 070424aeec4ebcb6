#include "log/request_record.hpp"

#include "json_writer.hpp"
#include "text/iso_time.hpp"

namespace sm {

std::string access_line(const request_record& of) {
  std::string line;
  line.reserve(256);
  json_writer out(line);
  out.begin_object();
  out.member("ts", iso_time(of.at));
  out.member("client", to_string(of.who));
  out.member("method", of.method);
  out.member("path", of.path);
  out.member("route", of.route);
  out.member("status", of.status);
  out.member("bytes", of.bytes);
  out.member("ms", static_cast<double>(static_cast<std::int64_t>(of.seconds * 1e6)) / 1e3);
  out.member("id", of.id);
  if (of.trace) out.member("trace_id", of.trace.trace_id());
  out.end_object();
  return line + '\n';
}

}  // namespace sm
