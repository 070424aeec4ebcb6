#include "http/response_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "text/ascii.hpp"

namespace sm {
namespace {

struct status_row {
  unsigned status;
  std::string_view phrase;
};

constexpr std::array phrases{status_row{200, "OK"},
                             status_row{201, "Created"},
                             status_row{202, "Accepted"},
                             status_row{203, "Non-Authoritative Information"},
                             status_row{204, "No Content"},
                             status_row{205, "Reset Content"},
                             status_row{206, "Partial Content"},
                             status_row{207, "Multi-Status"},
                             status_row{300, "Multiple Choices"},
                             status_row{301, "Moved Permanently"},
                             status_row{302, "Found"},
                             status_row{303, "See Other"},
                             status_row{304, "Not Modified"},
                             status_row{307, "Temporary Redirect"},
                             status_row{308, "Permanent Redirect"},
                             status_row{400, "Bad Request"},
                             status_row{401, "Unauthorized"},
                             status_row{402, "Payment Required"},
                             status_row{403, "Forbidden"},
                             status_row{404, "Not Found"},
                             status_row{405, "Method Not Allowed"},
                             status_row{406, "Not Acceptable"},
                             status_row{407, "Proxy Authentication Required"},
                             status_row{408, "Request Timeout"},
                             status_row{409, "Conflict"},
                             status_row{410, "Gone"},
                             status_row{411, "Length Required"},
                             status_row{412, "Precondition Failed"},
                             status_row{413, "Content Too Large"},
                             status_row{414, "URI Too Long"},
                             status_row{415, "Unsupported Media Type"},
                             status_row{416, "Range Not Satisfiable"},
                             status_row{417, "Expectation Failed"},
                             status_row{421, "Misdirected Request"},
                             status_row{422, "Unprocessable Content"},
                             status_row{423, "Locked"},
                             status_row{424, "Failed Dependency"},
                             status_row{425, "Too Early"},
                             status_row{426, "Upgrade Required"},
                             status_row{428, "Precondition Required"},
                             status_row{429, "Too Many Requests"},
                             status_row{431, "Request Header Fields Too Large"},
                             status_row{451, "Unavailable For Legal Reasons"},
                             status_row{500, "Internal Server Error"},
                             status_row{501, "Not Implemented"},
                             status_row{502, "Bad Gateway"},
                             status_row{503, "Service Unavailable"},
                             status_row{504, "Gateway Timeout"},
                             status_row{505, "HTTP Version Not Supported"},
                             status_row{507, "Insufficient Storage"},
                             status_row{511, "Network Authentication Required"}};

bool valid_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_character);
}

/// Any byte but a control character other than the tab (RFC 9110 5.5).
bool valid_field_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 4> ours{"Content-Length", "Transfer-Encoding",
                                                 "Connection", "Date"};
  return std::any_of(ours.begin(), ours.end(),
                     [&](std::string_view own) { return equals_ignoring_case(name, own); });
}

bool has_field(const response& r, std::string_view name) {
  return std::any_of(r.headers.begin(), r.headers.end(),
                     [&](auto& field) { return equals_ignoring_case(field.first, name); });
}

}  // namespace

std::string_view reason_phrase(unsigned status) noexcept {
  auto row = std::lower_bound(phrases.begin(), phrases.end(), status,
                              [](auto& r, unsigned wanted) { return r.status < wanted; });
  return row != phrases.end() && row->status == status ? row->phrase : std::string_view{};
}

bool may_have_content(unsigned status) noexcept {
  return status != 204 && status != 205 && status != 304;
}

const std::string& http_date() {
  thread_local std::time_t when = 0;
  thread_local std::string text;
  if (auto now = std::time(nullptr); now != when) {
    when = now;
    std::tm utc{};
    gmtime_r(&now, &utc);
    // RFC 9110 5.6.7; strftime has the words of the locale.
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                       days.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                       months.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
  }
  return text;
}

std::optional<std::string> append_response_head(std::string& out, const response& r,
                                                const head_form& form) {
  std::optional<std::string> left_out;
  auto field = [&](std::string_view name, std::string_view value) {
    if (!valid_field_name(name) || !valid_field_value(value)) {
      left_out = name;
      return;
    }
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  };
  out += "HTTP/1.1 ";
  out += std::to_string(r.status);
  out += ' ';
  out += reason_phrase(r.status);
  out += "\r\nDate: ";
  out += http_date();
  if (!r.content_type.empty() && !has_field(r, "Content-Type"))
    field("Content-Type", r.content_type);
  if (!r.stream && r.status != 204 && r.status != 304) {
    out += "\r\nContent-Length: ";
    out += std::to_string(may_have_content(r.status) ? r.body.size() : 0);
  }
  for (auto& [name, value] : r.headers)
    if (is_ours(name))
      left_out = name;
    else
      field(name, value);
  if (r.stream) {
    // nginx holds an answer back until its buffers are full, unless it is told otherwise.
    if (!has_field(r, "X-Accel-Buffering")) field("X-Accel-Buffering", "no");
    if (!has_field(r, "Cache-Control")) field("Cache-Control", "no-store");
  }
  if (!form.request_id.empty() && !has_field(r, "X-Request-Id"))
    field("X-Request-Id", form.request_id);
  if (form.close)
    out += "\r\nConnection: close";
  else if (form.tell_keep_alive)
    out += "\r\nConnection: keep-alive";
  out += "\r\n\r\n";
  return left_out;
}

}  // namespace sm
