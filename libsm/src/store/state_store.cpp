#include "store/state_store.hpp"

#include <SQLiteCpp/VariadicBind.h>

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
// Beside them, so that a version of sm that does not know it leaves it alone: it starts again what
// has ended.
constexpr const char* ended_schema = R"(
CREATE TABLE IF NOT EXISTS ended(
  name TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  boot TEXT NOT NULL,
  restarts INTEGER NOT NULL,
  spec TEXT NOT NULL,
  end TEXT NOT NULL) WITHOUT ROWID;
)";

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

json to_json(const instance_end& end) {
  json document{{"failed", end.failed}, {"reason", end.reason}};
  if (auto* exited = std::get_if<exited_with>(&end.status)) document["code"] = exited->code;
  if (auto* killed = std::get_if<killed_by>(&end.status)) document["signal"] = killed->number;
  return document;
}

result<instance_end> stored_end(const SQLite::Column& column) {
  return stored_json(column).and_then([](auto&& document) -> result<instance_end> {
    if (!document.is_object()) return fail(errc::bad_arguments, "must be an object", "end");
    instance_end end{.failed = document.value("failed", false),
                     .reason = document.value("reason", "")};
    for (auto* name : {"code", "signal"}) {
      auto member = document.find(name);
      if (member == document.end()) continue;
      auto number = from_json_value<int>(*member);
      if (!number) return tl::unexpected<error>(number.error());
      if (name == std::string_view("code"))
        end.status = exited_with{*number};
      else
        end.status = killed_by{*number};
    }
    return end;
  });
}

result<journaled_instance> read_ended(SQLite::Statement& row) {
  auto name = row.getColumn(0).getString();
  auto parts = parse_instance_name(name);
  if (!parts) return fail(errc::invalid_spec, "is no name of an instance");
  auto spec = stored_spec(row.getColumn(4), parts->service);
  if (!spec) return tl::unexpected<error>(std::move(spec.error()));
  auto end = stored_end(row.getColumn(5));
  if (!end) return tl::unexpected<error>(std::move(end.error()));
  return journaled_instance{.name = std::move(name),
                            .incarnation = static_cast<std::uint64_t>(row.getColumn(1).getInt64()),
                            .boot = row.getColumn(2).getString(),
                            .restarts = row.getColumn(3).getUInt(),
                            .spec = std::move(*spec),
                            .end = std::move(*end)};
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
void read_rows(SQLite::Statement& statement, result<Row> (*read)(SQLite::Statement& row),
               stored_rows<Row>& all) {
  while (statement.executeStep()) {
    auto row = guarded("a row of state.db", [&] { return read(statement); });
    if (row)
      all.rows.push_back(std::move(*row));
    else
      all.unreadable.push_back({statement.getColumn(0).getString(), std::move(row.error())});
  }
}

template <class... Values>
void run(SQLite::Statement& todo, const Values&... values) {
  // SQLiteCpp 3.2.1's reset() throws the failure of a statement's last run once more.
  (void)todo.tryReset();
  SQLite::bind(todo, values...);
  todo.exec();
  todo.reset();  // it would keep the transaction open
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
          remove(db, "DELETE FROM instance WHERE name = ? AND incarnation <= ?"),
          put_ended(db,
                    "INSERT OR REPLACE INTO ended(name, incarnation, boot, restarts, spec, end) "
                    "VALUES(?, ?, ?, ?, ?, ?)"),
          remove_ended(db, "DELETE FROM ended WHERE name = ? AND incarnation <= ?") {}
    SQLite::Statement put, remove, put_ended, remove_ended;
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
  // Version 1's processes do not outlive their manager, so its journal is worth nothing.
  if (version == 1) db->exec("DROP TABLE instance");
  if (version != schema_version) db->exec(schema);
  if (!db->tableExists("ended")) db->exec(ended_schema);
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
    stored_rows<desired_service> all;
    read_rows(rows, read_service, all);
    return all;
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
    auto& db = connection_->journal();
    SQLite::Statement rows(db,
                           "SELECT name, pid, start_time, incarnation, boot, token, restarts, spec "
                           "FROM instance ORDER BY name");
    stored_rows<journaled_instance> all;
    read_rows(rows, read_instance, all);
    if (!db.tableExists("ended")) return all;  // there was no room for it
    // Another version of sm may have started it since.
    SQLite::Statement ended(db,
                            "SELECT name, incarnation, boot, restarts, spec, end FROM ended "
                            "WHERE name NOT IN (SELECT name FROM instance) ORDER BY name");
    read_rows(ended, read_ended, all);
    return all;
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
    auto& to = connection_->to_journal();
    for (auto& [name, late] : late_) {
      auto up_to = late.row ? late.row->incarnation : late.removed;
      if (!late.row || late.row->end) run(to.remove, name, static_cast<std::int64_t>(up_to));
      if (!late.row || !late.row->end) run(to.remove_ended, name, static_cast<std::int64_t>(up_to));
      if (!late.row) continue;
      auto& row = *late.row;
      auto incarnation = static_cast<std::int64_t>(row.incarnation);
      auto spec = print_json(to_short_json(row.spec));
      if (row.end)
        run(to.put_ended, name, incarnation, row.boot, row.restarts, spec,
            print_json(to_json(*row.end)));
      else
        run(to.put, name, row.pid, static_cast<std::int64_t>(row.start_time), incarnation, row.boot,
            row.token, row.restarts, spec);
    }
    write.commit();
  });
  if (written) late_.clear();
  return written;
}

}  // namespace sm
