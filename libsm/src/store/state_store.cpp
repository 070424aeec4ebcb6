#include "store/state_store.hpp"

#include "store/sqlite.hpp"

namespace sm {

namespace {

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS service(
  name TEXT PRIMARY KEY,
  spec TEXT NOT NULL,
  declared TEXT,
  enabled INTEGER NOT NULL,
  removed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instance(
  name TEXT PRIMARY KEY,
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  boot TEXT NOT NULL,
  token TEXT NOT NULL,
  restarts INTEGER NOT NULL,
  spec TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version=2;
)";
constexpr int schema_version = 2;

json stored_json(const std::string& text, const std::filesystem::path& file) {
  auto document = parse_json(text);
  if (!document)
    throw failure(errc::unavailable, "a stored service is " + document.error().detail,
                  file.string());
  return std::move(*document);
}

}  // namespace

struct state_store::connection {
  std::filesystem::path file{};
  std::optional<SQLite::Database> db{};
  // Instances do not outlive a power failure, so their rows need not either: no fsync for them.
  // None while there is no room for both (see open_database_alone).
  std::optional<SQLite::Database> fast{};

  SQLite::Database& journal() { return fast ? *fast : *db; }
  void open() {
    close();
    db.emplace(open_database(file, {.version = schema_version}));
    fast.emplace(open_database(file, {.full_sync = false, .version = schema_version}));
    prepare();
  }
  void open_alone() {
    close();
    db.emplace(open_database_alone(file, {.busy_timeout = {}, .version = schema_version}));
  }
  void close() {
    fast.reset();
    db.reset();
  }
  ~connection() {
    if (fast) fold_in(*fast);
  }

 private:
  void prepare();
};

state_store::state_store(std::unique_ptr<connection> c) : connection_(std::move(c)) {}
state_store::state_store(state_store&&) noexcept = default;
state_store::~state_store() = default;

void state_store::connection::prepare() {
  auto version = db->execAndGet("PRAGMA user_version").getInt();
  if (version == schema_version) return;
  // Version 1's processes do not outlive their manager, so its journal is worth nothing.
  if (version == 1) db->exec("DROP TABLE instance");
  db->exec(schema);
}

result<state_store> state_store::open(const std::filesystem::path& file) {
  auto c = std::make_unique<connection>();
  c->file = file;
  auto opened = guard_sqlite(file, [&] { c->open(); });
  // There may be no room for what SQLite puts beside the file.
  if (!opened && !guard_sqlite(file, [&] { c->open_alone(); }))
    return tl::unexpected<error>(opened.error());
  return state_store(std::move(c));
}

/// The connection, opened once more as for others to see when there was no room for that.
state_store::connection& state_store::to_write() {
  auto& c = *connection_;
  if (!c.fast) {
    auto wide = guard_sqlite(c.file, [&] { c.open(); });
    if (!wide) {
      if (auto alone = guard_sqlite(c.file, [&] { c.open_alone(); }); !alone) c.close();
      throw failure(wide.error());
    }
  }
  refuse_moved(*c.db, c.file);
  return c;
}

result<std::vector<desired_service>> state_store::services() const {
  return guard_sqlite(connection_->file, [&] {
    std::vector<desired_service> list;
    SQLite::Statement rows(*connection_->db,
                           "SELECT spec, declared, enabled, removed FROM service ORDER BY name");
    while (rows.executeStep()) {
      auto spec = spec_from_json(stored_json(rows.getColumn(0), connection_->file));
      if (!spec) throw failure(spec.error());
      json declared = nullptr;
      if (!rows.isColumnNull(1)) declared = stored_json(rows.getColumn(1), connection_->file);
      list.push_back({std::move(*spec), std::move(declared), rows.getColumn(2).getInt() != 0,
                      rows.getColumn(3).getInt() != 0});
    }
    return list;
  });
}

result<void> state_store::put_service(const desired_service& service) {
  return put_services({service});
}

result<void> state_store::put_services(const std::vector<desired_service>& services) {
  return guard_sqlite(connection_->file, [&] {
    auto& db = *to_write().db;
    SQLite::Transaction write(db);
    SQLite::Statement put(db,
                          "INSERT OR REPLACE INTO service(name, spec, declared, enabled, removed) "
                          "VALUES(?, ?, ?, ?, ?)");
    for (auto& service : services) {
      put.reset();
      put.clearBindings();
      put.bind(1, service.spec.name);
      put.bind(2, print_json(to_json(service.spec)));
      if (!service.declared.is_null()) put.bind(3, print_json(service.declared));
      put.bind(4, service.enabled ? 1 : 0);
      put.bind(5, service.removed ? 1 : 0);
      put.exec();
    }
    write.commit();
  });
}

result<void> state_store::remove_service(const std::string& name) {
  return guard_sqlite(connection_->file, [&] {
    SQLite::Statement remove(*to_write().db, "DELETE FROM service WHERE name = ?");
    remove.bind(1, name);
    remove.exec();
  });
}

result<std::vector<journaled_instance>> state_store::instances() const {
  return guard_sqlite(connection_->file, [&] {
    std::vector<journaled_instance> list;
    SQLite::Statement rows(connection_->journal(),
                           "SELECT name, pid, start_time, incarnation, boot, token, restarts, spec "
                           "FROM instance ORDER BY name");
    while (rows.executeStep()) {
      auto spec = spec_from_json(stored_json(rows.getColumn(7), connection_->file));
      if (!spec) throw failure(spec.error());
      list.push_back({.name = rows.getColumn(0),
                      .pid = static_cast<pid_t>(rows.getColumn(1).getInt()),
                      .start_time = static_cast<std::uint64_t>(rows.getColumn(2).getInt64()),
                      .incarnation = static_cast<std::uint64_t>(rows.getColumn(3).getInt64()),
                      .boot = rows.getColumn(4),
                      .token = rows.getColumn(5),
                      .restarts = rows.getColumn(6).getUInt(),
                      .spec = std::move(*spec)});
    }
    return list;
  });
}

result<void> state_store::put_instance(const journaled_instance& instance) {
  late_[instance.name] = {.row = instance};
  return catch_up();
}

result<void> state_store::remove_instance(const std::string& name, std::uint64_t incarnation) {
  // One that is behind may be of a later run.
  if (auto late = late_.find(name);
      late == late_.end() || !late->second.row || late->second.row->incarnation <= incarnation)
    late_[name] = {.row = std::nullopt, .removed = incarnation};
  return catch_up();
}

result<void> state_store::catch_up() {
  if (late_.empty()) return {};
  auto written = guard_sqlite(connection_->file, [&] {
    auto& db = to_write().journal();
    SQLite::Transaction write(db);
    SQLite::Statement put(
        db,
        "INSERT OR REPLACE INTO instance(name, pid, start_time, incarnation, boot, token, "
        "restarts, spec) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
    SQLite::Statement remove(db, "DELETE FROM instance WHERE name = ? AND incarnation <= ?");
    for (auto& [name, late] : late_) {
      auto& todo = late.row ? put : remove;
      todo.reset();
      todo.bind(1, name);
      if (auto& row = late.row) {
        todo.bind(2, row->pid);
        todo.bind(3, static_cast<std::int64_t>(row->start_time));
        todo.bind(4, static_cast<std::int64_t>(row->incarnation));
        todo.bind(5, row->boot);
        todo.bind(6, row->token);
        todo.bind(7, row->restarts);
        todo.bind(8, print_json(to_json(row->spec)));
      } else {
        todo.bind(2, static_cast<std::int64_t>(late.removed));
      }
      todo.exec();
    }
    write.commit();
  });
  if (written) late_.clear();
  return written;
}

}  // namespace sm
