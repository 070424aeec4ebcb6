#include "store/state_store.hpp"

#include "store/sqlite.hpp"

namespace sm {

struct state_store::connection {
  std::filesystem::path file;
  SQLite::Database db;
  // Instances do not outlive a power failure, so their rows need not either: no fsync for them.
  SQLite::Database journal;
};

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

state_store::state_store(std::unique_ptr<connection> c) : connection_(std::move(c)) {}
state_store::state_store(state_store&&) noexcept = default;
state_store::~state_store() = default;

result<state_store> state_store::open(const std::filesystem::path& file) {
  return guard_sqlite(file, [&] {
    auto c = std::make_unique<connection>(
        connection{file, open_database(file, {}), open_database(file, {.full_sync = false})});
    auto version = c->db.execAndGet("PRAGMA user_version").getInt();
    if (version > schema_version)
      throw failure(errc::unavailable,
                    "written by a newer version of sm (" + std::to_string(version) + ")",
                    file.string());
    // Version 1's processes do not outlive their manager, so its journal is worth nothing.
    if (version == 1) c->db.exec("DROP TABLE instance");
    c->db.exec(schema);
    return state_store(std::move(c));
  });
}

result<std::vector<desired_service>> state_store::services() const {
  return guard_sqlite(connection_->file, [&] {
    std::vector<desired_service> list;
    SQLite::Statement rows(connection_->db,
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
    SQLite::Transaction write(connection_->db);
    SQLite::Statement put(connection_->db,
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
    SQLite::Statement remove(connection_->db, "DELETE FROM service WHERE name = ?");
    remove.bind(1, name);
    remove.exec();
  });
}

result<std::vector<journaled_instance>> state_store::instances() const {
  return guard_sqlite(connection_->file, [&] {
    std::vector<journaled_instance> list;
    SQLite::Statement rows(connection_->journal,
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
  return guard_sqlite(connection_->file, [&] {
    SQLite::Statement put(
        connection_->journal,
        "INSERT OR REPLACE INTO instance(name, pid, start_time, incarnation, boot, token, "
        "restarts, spec) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
    put.bind(1, instance.name);
    put.bind(2, instance.pid);
    put.bind(3, static_cast<std::int64_t>(instance.start_time));
    put.bind(4, static_cast<std::int64_t>(instance.incarnation));
    put.bind(5, instance.boot);
    put.bind(6, instance.token);
    put.bind(7, instance.restarts);
    put.bind(8, print_json(to_json(instance.spec)));
    put.exec();
  });
}

result<void> state_store::remove_instance(const std::string& name, std::uint64_t incarnation) {
  return guard_sqlite(connection_->file, [&] {
    SQLite::Statement remove(connection_->journal,
                             "DELETE FROM instance WHERE name = ? AND incarnation = ?");
    remove.bind(1, name);
    remove.bind(2, static_cast<std::int64_t>(incarnation));
    remove.exec();
  });
}

}  // namespace sm
