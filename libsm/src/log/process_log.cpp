#include "log/process_log.hpp"

#include "error_log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <sm/json.hpp>

#include <sm/trace.hpp>

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

std::string_view level_word(spdlog::level::level_enum level) noexcept {
  switch (level) {
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
      return "error";
    case spdlog::level::debug:
      return "debug";
    default:
      return "info";
  }
}

/// JSON lines into a log_file.
class json_sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  json_sink(std::string instance, std::shared_ptr<log_file> file)
      : instance_(std::move(instance)), file_(std::move(file)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    file_->write(log_line(line.time, "level", level_word(line.level), instance_, ::getpid(),
                          {line.payload.data(), line.payload.size()}));
  }
  void flush_() override {}

 private:
  const std::string instance_;
  const std::shared_ptr<log_file> file_;
};

/// To the journal, which has times and programs of its own.
class journal_sink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    auto level = line.level == spdlog::level::err     ? log_level::error
                 : line.level == spdlog::level::warn  ? log_level::warn
                 : line.level == spdlog::level::debug ? log_level::debug
                                                      : log_level::info;
    auto text = journal_lines(level, {line.payload.data(), line.payload.size()});
    [[maybe_unused]] auto n = ::write(STDERR_FILENO, text.data(), text.size());
  }
  void flush_() override {}
};

std::shared_ptr<spdlog::logger> make_logger(const log_target& target,
                                            std::shared_ptr<log_file> file = nullptr) {
  std::vector<spdlog::sink_ptr> sinks;
  if (!target.file.empty()) {
    if (!file) file = open_log_file(target);
    sinks.push_back(std::make_shared<json_sink>(target.instance, std::move(file)));
  }
  bool journal = target.to_stderr && stderr_is_journal();
  if (journal) sinks.push_back(std::make_shared<journal_sink>());
  if ((target.to_stderr && !journal) || sinks.empty()) {
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

std::shared_ptr<log_file> open_log_file(const log_target& target) {
  auto describe_loss = [instance = target.instance](auto count, int reason) {
    return log_line(
        std::chrono::system_clock::now(), "level", "warn", instance, ::getpid(),
        std::to_string(count) + " lines were dropped: " + std::generic_category().message(reason));
  };
  return std::make_shared<log_file>(target.file, target.files, describe_loss);
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  return stream && ::fstat(STDERR_FILENO, &info) == 0 &&
         fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

std::string journal_lines(log_level level, std::string_view text) {
  constexpr std::array<std::string_view, 4> priorities{"<7>", "<6>", "<4>", "<3>"};  // syslog(3)
  std::string out;
  while (!text.empty() || out.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    out += priorities[static_cast<std::size_t>(level)];
    out += text.substr(0, end);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string log_line(std::chrono::system_clock::time_point when, std::string_view key,
                     std::string_view value, std::string_view instance, pid_t pid,
                     std::string_view text) {
  std::string line;
  line.reserve(text.size() + 128);
  fmt::format_to(std::back_inserter(line), R"({{"ts":"{}","{}":"{}","instance":)", iso_time(when),
                 key, value);
  append_json_string(line, instance);
  fmt::format_to(std::back_inserter(line), R"(,"pid":{},"msg":)", pid);
  append_json_string(line, text);
  if (auto& trace = current_trace()) {
    line += R"(,"trace_id":")";
    trace.append_trace_id(line);
    line += '"';
  }
  line += "}\n";
  return line;
}

bool logger::enabled(log_level level) const noexcept { return sink_->should_log(to_spdlog(level)); }

void logger::write(log_level level, std::string_view text) const {
  sink_->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

logger open_log(const log_target& target) { return logger(make_logger(target)); }

logger open_log(const log_target& target, std::shared_ptr<log_file> file) {
  return logger(make_logger(target, std::move(file)));
}

void log_caught_to(logger log) {
  set_error_log([log = std::move(log)](std::string_view where, const error& e) {
    log.error("{}: {}", where, to_string(e));
  });
}

logger stderr_log(const std::string& name) {
  return logger(make_logger({.file = {}, .instance = name, .to_stderr = true}));
}

}  // namespace sm
