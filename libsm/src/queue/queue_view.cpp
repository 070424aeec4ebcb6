#include "queue/queue_view.hpp"

#include <thread>

namespace sm {

queue_view::queue_view(std::string url, queue_config config, logger log)
    : url_(std::move(url)), config_(std::move(config)), log_(std::move(log)) {}

result<void> queue_view::open() {
  if (store_) return {};
  auto opened = open_job_store(url_, config_);
  if (!opened) return tl::unexpected<error>(opened.error());
  store_ = std::move(*opened);
  return {};
}

void queue_view::close() {
  thread_.stop();
  store_.reset();
}

void queue_view::release(const std::string& worker) {
  ask<bool>([this, worker](job_store& store) -> result<bool> {
    // A connection that was idle may have been cut: that is seen at the first call.
    auto count = store.release(worker);
    for (int tries = 0; !count && count.error().code == errc::unavailable && tries < 5; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds{50 << tries});
      count = store.release(worker);
    }
    if (!count)
      log_.error("cannot release the jobs of {}: {}", worker, to_string(count.error()));
    else if (*count > 0)
      log_.info("{} jobs of {} are ready again", *count, worker);
    return true;
  });
}

}  // namespace sm
