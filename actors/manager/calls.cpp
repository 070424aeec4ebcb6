#include "manager/calls.hpp"

#include "telemetry/span.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

std::int64_t to_ns(clock::time_point t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

std::uint64_t call_id(std::uint32_t slot, std::uint32_t generation) {
  return (std::uint64_t{generation} << 32) | slot;
}

}  // namespace

calls::calls(loop& l, const link_config& config) : loop_(l), config_(config), timer_(l.context()) {}
calls::~calls() = default;

void calls::attach(std::uint64_t id, caf::actor service, std::string name) {
  auto& p = processes_[id];
  p.service = std::move(service);
  p.name = std::move(name);
}

void calls::detach(std::uint64_t id, const error& why) {
  auto entry = processes_.extract(id);
  if (entry.empty()) return;
  for (auto& row : entry.mapped().table) {
    if (!row.who) continue;
    answer gone{false, why.code, why.detail, why.where, 0};
    if (row.trace.sampled) record(entry.mapped(), row, gone);
    settle(row.who, row.index, std::move(gone));
  }
}

void calls::ask(const waiter_ptr& w, std::uint64_t id, const call& c, clock::time_point deadline) {
  auto index = w->asked_.size();
  w->asked_.push_back({});
  ++w->open_;
  if (w->command_.empty()) w->command_ = c.command;
  auto entry = processes_.find(id);
  if (entry == processes_.end())
    return settle(w, index, {false, errc::not_running, "not running", {}, 0});
  auto& p = entry->second;
  if (p.overdue)
    return settle(
        w, index,
        {false, errc::timeout, "not asked: it still owes an answer whose time is up", {}, 0});
  auto bytes = c.command.size() + c.arguments.size();
  if (p.outstanding >= config_.commands_max || p.bytes + bytes > config_.bytes_max)
    return settle(w, index,
                  {false,
                   errc::overloaded,
                   std::to_string(p.outstanding) + " commands are unanswered",
                   {},
                   0});
  std::uint32_t slot = 0;
  if (p.free.empty()) {
    slot = static_cast<std::uint32_t>(p.table.size());
    p.table.emplace_back();
  } else {
    slot = p.free.back();
    p.free.pop_back();
  }
  auto& row = p.table[slot];
  row.who = w;
  row.index = index;
  row.bytes = bytes;
  row.sent = clock::now();
  auto within = child_of(c.trace);
  if (is_recorded(within)) {
    row.trace = within;
    row.parent_span = c.trace.span;
  }
  auto call = call_id(slot, row.generation);
  ++p.outstanding;
  p.bytes += bytes;
  w->asked_[index] = {id, call};
  p.outbox.push_back({call, c.command, c.arguments, to_ns(deadline), within});
  if (p.flush_scheduled) return;
  p.flush_scheduled = true;
  if (to_flush_.empty()) loop_.at_turn_end([this] { flush(); });
  to_flush_.push_back(id);
}

void calls::arm(const waiter_ptr& w, clock::time_point deadline) {
  if (w->open_ == 0) return;
  w->deadline_ = deadline;
  w->armed_ = true;
  intrusive_ptr_add_ref(w.get());  // held by deadlines_ until settled or expired
  deadlines_.insert({deadline, w.get()});
  schedule_expiry();
}

void calls::flush() {
  for (auto id : std::exchange(to_flush_, {})) {
    auto entry = processes_.find(id);
    if (entry == processes_.end()) continue;
    auto& p = entry->second;
    p.flush_scheduled = false;
    tell(p.service, wire::command_batch{std::exchange(p.outbox, {})});
  }
}

calls::pending* calls::find_pending(process& p, std::uint64_t call) {
  auto slot = static_cast<std::uint32_t>(call);
  if (slot >= p.table.size()) return nullptr;
  auto& row = p.table[slot];
  return row.who && row.generation == call >> 32 ? &row : nullptr;
}

calls::pending calls::release(process& p, std::uint64_t call) {
  auto slot = static_cast<std::uint32_t>(call);
  auto row = std::exchange(p.table[slot], pending{.generation = p.table[slot].generation + 1});
  p.free.push_back(slot);
  --p.outstanding;
  p.bytes -= row.bytes;
  return row;
}

void calls::count(request_histogram& took, const pending& row, clock::time_point now) {
  auto seconds = std::chrono::duration<double>(now - row.sent).count();
  trace_scope of_command(row.trace);
  took.add(seconds, exemplar::of(seconds));
}

void calls::record(const process& p, const pending& row, const answer& a) {
  auto took = clock::now() - row.sent;
  record_span(
      {.place = row.trace,
       .parent = row.parent_span,
       .role = span::kind::client,
       .name = row.who->command_,
       .begin = span::clock::now() - std::chrono::duration_cast<span::clock::duration>(took),
       .took = took,
       .attributes = {{"rpc.system", "sm"},
                      {"rpc.method", row.who->command_},
                      {"sm.instance", p.name}},
       .failure = a.ok ? "" : std::string(to_string(a.code)),
       .failed = !a.ok});
}

command_tally& calls::tally_of(waiter& w) {
  if (!w.tally_) w.tally_ = &tallies_.at(w.command_);
  return *w.tally_;
}

void calls::settle(const waiter_ptr& w, std::size_t index, answer a) {
  w->asked_[index].process = 0;
  if (a.ok)
    ++tally_of(*w).ok;
  else if (a.code == errc::unknown_command)
    tallies_.count_unknown();  // its name is anybody's
  else
    ++tally_of(*w).failed[a.code];
  if (--w->open_ == 0 && w->armed_) {
    w->armed_ = false;
    deadlines_.erase({w->deadline_, w.get()});
    intrusive_ptr_release(w.get());
  }
  w->on_answer(index, std::move(a));
}

void calls::on_replies(std::uint64_t id, wire::reply_batch& batch) {
  auto now = clock::now();
  for (auto& r : batch.replies) {
    // Looked up each time: the one who hears an answer may ask again, or stop the process.
    auto entry = processes_.find(id);
    if (entry == processes_.end()) return;
    if (!find_pending(entry->second, r.id)) continue;  // late
    auto row = release(entry->second, r.id);
    answer a{
        .ok = r.code == wire::reply_ok, .text = std::move(r.text), .where = std::move(r.where)};
    if (!a.ok) a.code = static_cast<errc>(r.code);
    a.us = std::chrono::duration_cast<std::chrono::microseconds>(now - row.sent).count();
    if (row.trace.sampled) record(entry->second, row, a);
    if (a.ok || a.code != errc::unknown_command) count(tally_of(*row.who).took, row, now);
    settle(row.who, row.index, std::move(a));
  }
}

void calls::on_pong(std::uint64_t id) {
  if (auto entry = processes_.find(id); entry != processes_.end()) entry->second.overdue = false;
}

bool calls::overdue(std::uint64_t id) const {
  auto entry = processes_.find(id);
  return entry != processes_.end() && entry->second.overdue;
}

void calls::schedule_expiry() {
  if (deadlines_.empty() || deadlines_.begin()->first >= timer_at_) return;
  timer_at_ = deadlines_.begin()->first;
  timer_.expires_at(timer_at_);
  timer_.async_wait([this](error_code ec) {
    if (ec) return;
    timer_at_ = clock::time_point::max();
    expire();
  });
}

void calls::expire() {
  auto now = clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    waiter_ptr w(deadlines_.begin()->second, false);
    deadlines_.erase(deadlines_.begin());
    w->armed_ = false;
    for (auto& asked : w->asked_) {
      if (asked.process == 0) continue;
      auto entry = processes_.find(asked.process);
      if (entry == processes_.end()) continue;
      auto& p = entry->second;
      ++tally_of(*w).failed[errc::timeout];
      auto row = release(p, asked.call);
      if (row.trace.sampled) record(p, row, {false, errc::timeout, {}, {}, 0});
      if (p.overdue) continue;
      p.overdue = true;
      tell(p.service, wire::ping{asked.call});
    }
    w->open_ = 0;
    w->on_deadline();
  }
  schedule_expiry();
}

// -- single commands

namespace {

class single_call : public waiter {
 public:
  explicit single_call(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  const promise<json_text>& result() const noexcept { return result_; }

  void on_answer(std::size_t, answer a) override {
    if (a.ok)
      result_.set_value({std::move(a.text)});
    else
      result_.set_error({a.code, std::move(a.text), std::move(a.where)});
  }
  void on_deadline() override {
    result_.set_error({errc::timeout, "no answer in " + format_duration(timeout_), {}});
  }

 private:
  std::chrono::milliseconds timeout_;
  promise<json_text> result_;
};

}  // namespace

promise<json_text> start_call(calls& all, std::uint64_t process, const call& c,
                              std::chrono::milliseconds timeout) {
  boost::intrusive_ptr<single_call> w(new single_call(timeout));
  auto deadline = clock::now() + timeout;
  all.ask(w, process, c, deadline);
  all.arm(w, deadline);
  return w->result();
}

// -- gathers

namespace {

/// Lives as long as one broadcast, so that a late answer finds nobody (OTP's multi_call).
class gather : public waiter {
 public:
  gather(std::vector<gather_target> targets, std::chrono::milliseconds timeout,
         std::shared_ptr<const gather_watch> watch)
      : targets_(std::move(targets)),
        texts_(targets_.size()),
        missing_(targets_.size()),
        timeout_(timeout),
        watch_(std::move(watch)) {}

  const promise<json_text>& result() const noexcept { return result_; }

  void start(calls& all, const call& c) {
    auto deadline = clock::now() + timeout_;
    waiter_ptr self(this);
    if (watch_) watch_->on_begin(targets_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      auto& t = targets_[i];
      if (t.process != 0) {
        order_.push_back(i);
        all.ask(self, t.process, c, deadline);
      } else {
        put(i, {false, t.why_not.code, t.why_not.detail, t.why_not.where, 0});
      }
    }
    all.arm(self, deadline);
    if (targets_.empty()) finish();
  }

  void on_answer(std::size_t index, answer a) override { put(order_[index], std::move(a)); }

  void on_deadline() override {
    for (std::size_t i = 0; i < targets_.size(); ++i)
      if (texts_[i].empty())
        put(i, {false, errc::timeout, "no answer in " + format_duration(timeout_), {}, 0});
  }

 private:
  void put(std::size_t i, answer a) {
    auto& out = texts_[i];
    if (a.ok) {
      out.reserve(a.text.size() + 48);
      out = R"({"ok":true,"result":)";
      out += a.text.empty() ? "null" : a.text;
      out += R"(,"us":)" + std::to_string(a.us) + "}";
    } else {
      complete_ = false;
      out = R"({"ok":false,"error":{"code":")";
      out += to_string(a.code);
      out += R"(","detail":)";
      append_json_string(out, a.text);
      if (!a.where.empty()) {
        out += R"(,"where":)";
        append_json_string(out, a.where);
      }
      out += "}}";
    }
    if (watch_) watch_->on_answer(targets_[i].name, out);
    if (--missing_ == 0) finish();
  }

  void finish() {
    std::size_t size = 64;
    for (std::size_t i = 0; i < targets_.size(); ++i)
      size += targets_[i].name.size() + texts_[i].size() + 8;
    std::string text;
    text.reserve(size);
    text += complete_ ? R"({"complete":true,"results":{)" : R"({"complete":false,"results":{)";
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (i > 0) text += ',';
      text += '"';
      text += targets_[i].name;  // names have no character that JSON escapes
      text += "\":";
      text += texts_[i];
    }
    text += "}}";
    result_.set_value({std::move(text)});
  }

  std::vector<gather_target> targets_;
  std::vector<std::size_t> order_;
  std::vector<std::string> texts_;
  std::size_t missing_;
  std::chrono::milliseconds timeout_;
  std::shared_ptr<const gather_watch> watch_;
  bool complete_ = true;
  promise<json_text> result_;
};

}  // namespace

promise<json_text> start_gather(calls& all, std::vector<gather_target> targets, const call& c,
                                std::chrono::milliseconds timeout,
                                std::shared_ptr<const gather_watch> watch) {
  boost::intrusive_ptr<gather> w(new gather(std::move(targets), timeout, std::move(watch)));
  w->start(all, c);
  return w->result();
}

}  // namespace sm
