#include "gateway/certificate_keeper.hpp"

#include <sys/stat.h>

#include "http/listen_endpoint.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr auto between_looks = 30s;

/// What tells that one of the files is another one, or was written anew.
std::string state_of_files(const http_config& c) {
  std::string state;
  for (auto& file : {c.tls_certificate, c.tls_key, c.tls_client_ca}) {
    if (file.empty()) continue;
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) {
      state += "- ";
      continue;
    }
    state += std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino) + ":" +
             std::to_string(found.st_size) + ":" + std::to_string(found.st_mtim.tv_sec) + "." +
             std::to_string(found.st_mtim.tv_nsec) + " ";
  }
  return state;
}

}  // namespace

certificate_keeper::certificate_keeper(loop& l, const http_config& config, logger log)
    : loop_(l), config_(config), log_(std::move(log)), timer_(l.context()) {}

result<void> certificate_keeper::open() {
  if (config_.tls_key.empty()) return {};
  auto state = state_of_files(config_);
  auto opened = tls_server::open(tls_files_of(config_));
  if (!opened) return tl::unexpected<error>(opened.error());
  current_ = std::move(*opened);
  looked_at_ = std::move(state);
  look_again();
  return {};
}

void certificate_keeper::look_again() {
  timer_.expires_after(between_looks);
  timer_.async_wait([this](error_code ec) {
    if (ec) return;
    renew();
    look_again();
  });
}

/// Who is half way through putting another one there has it read again a little later.
void certificate_keeper::renew() {
  if (!current_) return;
  (void)disk_.post([this, before = looked_at_] {
    auto state = state_of_files(config_);
    if (state == before) return;
    auto opened = tls_server::open(tls_files_of(config_));
    loop_.defer([this, state, opened] {
      looked_at_ = state;
      if (!opened) {
        log_.error("the certificates in use stay: {}", to_string(opened.error()));
        return;
      }
      current_ = *opened;
      log_.info("the certificates were read again: {}", config_.tls_certificate.string());
    });
  });
}

}  // namespace sm
