#include "queue/redis/redis_workers.hpp"

#include "queue/failure_record.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto worker_silence = 300s;
constexpr const char* form_version = "1";

}  // namespace

result<void> redis_workers::register_worker(const std::string& worker) {
  if (auto ok = check_version(); !ok) return ok;
  return beat(worker, true);
}

result<void> redis_workers::heartbeat(const std::string& worker) { return beat(worker, false); }

result<void> redis_workers::beat(const std::string& worker, bool begins) {
  auto now = server_time();
  if (!now) return tl::unexpected<error>(now.error());
  arguments a(client_.url().prefix);
  a << worker;
  a.keep(resque_time(*now)) << *now << begins;
  return nothing(client_.eval(redis_scripts::beat, a));
}

result<void> redis_workers::unregister_worker(const std::string& worker) {
  auto workers = key("workers"), beats = key("workers:heartbeat"), ours = key("sm:workers");
  auto working = key("worker:" + worker), started = working + ":started";
  auto processed = key("stat:processed:" + worker), failed = key("stat:failed:" + worker);
  std::vector<std::vector<std::string_view>> commands{{"SREM", workers, worker},
                                                      {"HDEL", beats, worker},
                                                      {"HDEL", ours, worker},
                                                      {"DEL", working, started, processed, failed}};
  return nothing(client_.pipeline(commands));
}

result<void> redis_workers::forget_the_silent() {
  auto now = server_time();
  auto beats = client_.call({"HGETALL", key("sm:workers")});
  if (!now) return tl::unexpected<error>(now.error());
  if (!beats) return tl::unexpected<error>(beats.error());
  auto fields = elements_of(**beats);
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
    if (number_of(*fields[i + 1]) < *now - milliseconds(worker_silence).count())
      if (auto ok = unregister_worker(std::string(text_of(*fields[i]))); !ok) return ok;
  return {};
}

result<std::vector<std::string>> redis_workers::warnings() {
  if (auto ok = check_version(); !ok) return tl::unexpected<error>(ok.error());
  std::vector<std::string> list;
  auto setting = [&](const char* name) -> std::string {
    auto reply = client_.call({"CONFIG", "GET", name});
    if (!reply) return {};  // a hosted Redis may forbid it
    auto parts = elements_of(**reply);
    return parts.size() == 2 ? std::string(text_of(*parts[1])) : std::string{};
  };
  if (auto policy = setting("maxmemory-policy"); !policy.empty() && policy != "noeviction")
    list.push_back("Redis may evict jobs when it is full (maxmemory-policy " + policy +
                   "): set it to noeviction");
  // Redis 7.0 that is started with it passes over its dump, and starts empty.
  if (setting("appendonly") == "no")
    list.push_back(
        "Redis keeps no append-only file, so jobs of the last minutes are lost when it "
        "ends: CONFIG SET appendonly yes while it runs, then in its file");
  // A master that is cut off goes on for some seconds, and what it takes then goes with it.
  if (!client_.url().master.empty() && setting("min-replicas-to-write") == "0")
    list.push_back(
        "Redis behind Sentinel takes jobs without a replica (min-replicas-to-write 0), so those of "
        "the last seconds before a fail-over are lost: set it to 1, or queue.replicas");
  return list;
}

result<std::int64_t> redis_workers::server_time() {
  auto time = client_.call({"TIME"});
  if (!time) return tl::unexpected<error>(time.error());
  auto parts = elements_of(**time);
  return parts.empty() ? unix_ms() : number_of(*parts[0]) * 1000;
}

result<void> redis_workers::check_version() {
  auto reply = client_.call({"INFO", "server"});
  if (!reply && reply.error().detail.starts_with("NOPERM")) return {};  // let us hope
  if (!reply) return tl::unexpected<error>(reply.error());
  auto text = text_of(**reply);
  constexpr std::string_view field = "redis_version:";
  auto at = text.find(field);
  if (at == text.npos) return {};
  auto version = text.substr(at + field.size(), text.find('\r', at) - at - field.size());
  auto major = number_of(version);
  auto dot = version.find('.');
  auto minor = dot == version.npos ? 0 : number_of(version.substr(dot + 1));
  if (major > 6 || (major == 6 && minor >= 2)) return check_form();
  return fail(errc::invalid_spec, "needs Redis 6.2 or later, this is " + std::string(version),
              "queue.url");
}

result<void> redis_workers::check_form() {
  auto mark = key("sm:version");
  std::vector<std::vector<std::string_view>> commands{{"SET", mark, form_version, "NX"},
                                                      {"GET", mark}};
  auto replies = client_.pipeline(commands, true);
  if (!replies) return tl::unexpected<error>(replies.error());
  auto found = number_of(*(*replies)[1]);
  if (found <= number_of(std::string_view(form_version))) return {};
  return fail(errc::invalid_spec,
              "was used by a newer version of sm (form " + std::to_string(found) + ")",
              "queue.url");
}

}  // namespace sm
