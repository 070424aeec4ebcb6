#include <sm/guarded.hpp>

#include <cstdio>
#include <mutex>
#include <new>

#include "error_log.hpp"

namespace sm {
namespace {

struct process_wide_log {
  std::mutex mutex;
  error_log log;
};

/// Never destroyed: a thread may still fail while the process ends.
process_wide_log& process_wide() {
  static auto* log = new process_wide_log;
  return *log;
}

}  // namespace

void set_error_log(error_log log) {
  auto& all = process_wide();
  std::lock_guard lock(all.mutex);
  all.log = std::move(log);
}

error caught_error(errc code) noexcept try {
  try {
    throw;
  } catch (const failure& e) {
    return e.reason();
  } catch (const std::bad_alloc&) {
    return {errc::overloaded, "out of memory", {}};
  } catch (const std::exception& e) {
    return {code, e.what(), {}};
  } catch (...) {
    return {code, "threw something that is no std::exception", {}};
  }
} catch (...) {  // there is no memory for the words
  return {errc::overloaded, {}, {}};
}

void log_error(std::string_view where, const error& e) noexcept try {
  auto& all = process_wide();
  error_log log;
  {
    std::lock_guard lock(all.mutex);
    log = all.log;
  }
  if (log)
    log(where, e);
  else
    std::fprintf(stderr, "error: %.*s: %s\n", static_cast<int>(where.size()), where.data(),
                 to_string(e).c_str());
} catch (...) {  // a log that cannot be written loses lines, and stops nobody
}

error logged_error(std::string_view where, errc code) noexcept {
  auto e = caught_error(code);
  bool answer = false;
  try {
    throw;
  } catch (const failure&) {
    answer = e.code != errc::internal;
  } catch (...) {
  }
  if (!answer) log_error(where, e);
  return e;
}

}  // namespace sm
