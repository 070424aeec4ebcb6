#include "log/process_log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cstdio>
#include <sm/json.hpp>

namespace sm {
namespace {

spdlog::level::level_enum to_spdlog(log_level level) noexcept {
  switch (level) {
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warn:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// {"ts":"2026-01-31T12:00:00.000000Z","level":"info","instance":"web:0","pid":7,"msg":"..."}
class json_lines : public spdlog::formatter {
 public:
  explicit json_lines(std::string instance) : instance_(std::move(instance)) {}

  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    auto time = line.time.time_since_epoch();
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
    auto stamp = static_cast<std::time_t>(seconds.count());
    std::tm utc{};
    gmtime_r(&stamp, &utc);
    char when[32];
    std::strftime(when, sizeof when, "%FT%T", &utc);
    text_.clear();
    fmt::format_to(std::back_inserter(text_), R"({{"ts":"{}.{:06}Z","level":"{}","instance":)",
                   when, micros,
                   line.level == spdlog::level::warn    ? "warn"
                   : line.level == spdlog::level::err   ? "error"
                   : line.level == spdlog::level::debug ? "debug"
                                                        : "info");
    append_json_string(text_, instance_);
    fmt::format_to(std::back_inserter(text_), R"(,"pid":{},"msg":)", getpid());
    append_json_string(text_, {line.payload.data(), line.payload.size()});
    text_ += "}\n";
    out.append(text_.data(), text_.data() + text_.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<json_lines>(instance_);
  }

 private:
  std::string instance_;
  std::string text_;
};

std::shared_ptr<spdlog::logger> make_logger(const log_target& target) {
  std::vector<spdlog::sink_ptr> sinks;
  if (!target.file.empty()) {
    try {
      auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          target.file.string(), target.file_max, target.files);
      sink->set_formatter(std::make_unique<json_lines>(target.instance));
      sinks.push_back(std::move(sink));
    } catch (const spdlog::spdlog_ex& e) {
      std::fprintf(stderr, "sm: no log file: %s\n", e.what());
    }
  }
  if (target.to_stderr || sinks.empty()) {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_pattern("%H:%M:%S.%e %-7l %v");
    sinks.push_back(std::move(sink));
  }
  auto log = std::make_shared<spdlog::logger>(target.instance, sinks.begin(), sinks.end());
  log->set_level(spdlog::level::from_str(target.level));
  log->flush_on(spdlog::level::debug);
  log->set_error_handler([](const std::string&) {});
  return log;
}

}  // namespace

bool logger::enabled(log_level level) const noexcept { return sink_->should_log(to_spdlog(level)); }

void logger::write(log_level level, std::string_view text) const {
  sink_->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

logger open_log(const log_target& target) { return logger(make_logger(target)); }

logger stderr_log(const std::string& name) {
  return logger(make_logger({.file = {}, .instance = name, .to_stderr = true}));
}

}  // namespace sm
