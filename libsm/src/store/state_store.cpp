#include "store/state_store.hpp"

#include <limits>
#include <sm/guarded.hpp>

#include "process/instance_name.hpp"
#include "schema/spec_fields.hpp"
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

result<json> stored_json(const SQLite::Column& column) {
  if (column.isNull()) return json{};
  return parse_json(column.getString());
}

result<service_spec> stored_spec(const SQLite::Column& column, std::string_view name) {
  auto spec =
      stored_json(column).and_then([](auto&& document) { return spec_from_json(document); });
  if (spec && spec->name != name) return fail(errc::invalid_spec, "is of '" + spec->name + "'");
  return spec;
}

result<desired_service> read_service(SQLite::Statement& row) {
  auto spec = stored_spec(row.getColumn(1), row.getColumn(0).getString());
  if (!spec) return tl::unexpected<error>(std::move(spec.error()));
  auto document = stored_json(row.getColumn(2));
  if (!document) return tl::unexpected<error>(std::move(document.error()));
  std::shared_ptr<const service_spec> declared;
  // What another version of sm declared, and this one cannot read, was declared nevertheless.
  if (!document->is_null())
    declared = std::make_shared<const service_spec>(
        spec_from_json(*document).value_or(service_spec{.name = spec->name}));
  return desired_service{.spec = std::move(*spec),
                         .declared = std::move(declared),
                         .enabled = row.getColumn(3).getInt() != 0,
                         .removed = row.getColumn(4).getInt() != 0};
}

result<journaled_instance> read_instance(SQLite::Statement& row) {
  auto name = row.getColumn(0).getString();
  auto parts = parse_instance_name(name);
  if (!parts) return fail(errc::invalid_spec, "is no name of an instance");
  auto spec = stored_spec(row.getColumn(7), parts->service);
  if (!spec) return tl::unexpected<error>(std::move(spec.error()));
  // A signal to 0, 1 or -1 is one to others.
  auto pid = row.getColumn(1).getInt64();
  if (pid <= 1 || pid > std::numeric_limits<pid_t>::max())
    return fail(errc::invalid_spec, std::to_string(pid) + " is no pid");
  return journaled_instance{.name = std::move(name),
                            .pid = static_cast<pid_t>(pid),
                            .start_time = static_cast<std::uint64_t>(row.getColumn(2).getInt64()),
                            .incarnation = static_cast<std::uint64_t>(row.getColumn(3).getInt64()),
                            .boot = row.getColumn(4).getString(),
                            .token = row.getColumn(5).getString(),
                            .restarts = row.getColumn(6).getUInt(),
                            .spec = std::move(*spec)};
}

/// Each row by itself: what cannot be read concerns no other.
template <class Row>
stored_rows<Row> read_rows(SQLite::Statement& statement,
                           result<Row> (*read)(SQLite::Statement& row)) {
  stored_rows<Row> all;
  while (statement.executeStep()) {
    auto row = guarded("a row of state.db", [&] { return read(statement); });
    if (row)
      all.rows.push_back(std::move(*row));
    else
      all.unreadable.push_back({statement.getColumn(0).getString(), std::move(row.error())});
  }
  return all;
}

}  // namespace

struct state_store::connection {
  std::filesystem::path file{};
  std::optional<SQLite::Database> db{};
  // Instances do not outlive a power failure, so their rows need not either: no fsync for them.
  // None while there is no room for both (see open_database_alone).
  std::optional<SQLite::Database> fast{};

  SQLite::Database& journal() { return fast ? *fast : *db; }
  /// What writes the journal, all the time, is prepared once.
  struct journal_statements {
    explicit journal_statements(SQLite::Database& db)
        : put(db,
              "INSERT OR REPLACE INTO instance(name, pid, start_time, incarnation, boot, token, "
              "restarts, spec) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
          remove(db, "DELETE FROM instance WHERE name = ? AND incarnation <= ?") {}
    SQLite::Statement put, remove;
  };
  journal_statements& to_journal() {
    if (!statements) statements.emplace(journal());
    return *statements;
  }
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
    statements.reset();
    fast.reset();
    db.reset();
  }
  ~connection() {
    statements.reset();
    if (fast) fold_in(*fast);
  }

 private:
  std::optional<journal_statements> statements{};

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

result<stored_rows<desired_service>> state_store::services() const {
  return guard_sqlite(connection_->file, [&] {
    SQLite::Statement rows(
        *connection_->db,
        "SELECT name, spec, declared, enabled, removed FROM service ORDER BY name");
    return read_rows(rows, read_service);
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
      auto spec = print_json(to_short_json(service.spec));
      put.bind(2, spec);
      if (auto& declared = service.declared)
        put.bind(3, *declared == service.spec ? spec : print_json(to_short_json(*declared)));
      put.bind(4, service.enabled ? 1 : 0);
      put.bind(5, service.removed ? 1 : 0);
      put.exec();
    }
    write.commit();
    release_pages(db);
  });
}

result<void> state_store::remove_service(const std::string& name) {
  return guard_sqlite(connection_->file, [&] {
    SQLite::Statement remove(*to_write().db, "DELETE FROM service WHERE name = ?");
    remove.bind(1, name);
    remove.exec();
  });
}

result<stored_rows<journaled_instance>> state_store::instances() const {
  return guard_sqlite(connection_->file, [&] {
    SQLite::Statement rows(connection_->journal(),
                           "SELECT name, pid, start_time, incarnation, boot, token, restarts, spec "
                           "FROM instance ORDER BY name");
    return read_rows(rows, read_instance);
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
    auto& [put, remove] = connection_->to_journal();
    for (auto& [name, late] : late_) {
      auto& todo = late.row ? put : remove;
      // SQLiteCpp 3.2.1's reset() throws the failure of a statement's last run once more.
      (void)todo.tryReset();
      todo.bind(1, name);
      if (auto& row = late.row) {
        todo.bind(2, row->pid);
        todo.bind(3, static_cast<std::int64_t>(row->start_time));
        todo.bind(4, static_cast<std::int64_t>(row->incarnation));
        todo.bind(5, row->boot);
        todo.bind(6, row->token);
        todo.bind(7, row->restarts);
        todo.bind(8, print_json(to_short_json(row->spec)));
      } else {
        todo.bind(2, static_cast<std::int64_t>(late.removed));
      }
      todo.exec();
      todo.reset();  // it would keep the transaction open
    }
    write.commit();
  });
  if (written) late_.clear();
  return written;
}

}  // namespace sm
