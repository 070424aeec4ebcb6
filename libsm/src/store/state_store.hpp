// state.db: what is wanted, and the journal of what runs. Every call may wait for the disk: never
// call it on an event loop.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <sm/error.hpp>
#include <string>
#include <vector>

#include "service/desired_state.hpp"
#include "system/exit_status.hpp"

namespace sm {

/// How an instance came to rest.
struct instance_end {
  exit_status status = vanished{};
  bool failed = false;   ///< that is a failure whatever the status
  std::string reason{};  ///< in words

  friend bool operator==(const instance_end&, const instance_end&) = default;
};

/// One process, journaled before any of its own code runs; or one that has ended, so that the next
/// manager does not take it for one that is to be started.
struct journaled_instance {
  std::string name{};  ///< "web:0"
  pid_t pid = 0;
  std::uint64_t start_time = 0;       ///< with pid: this process and no other
  std::uint64_t incarnation = 0;      ///< this run and no other, over restarts of the manager
  std::string boot{};                 ///< a row of another boot means nothing
  std::string token{};                ///< what the process shows to the next manager
  unsigned restarts = 0;              ///< by policy, before this run
  service_spec spec{};                ///< what it was started with
  std::optional<instance_end> end{};  ///< it rests EXITED; it has no pid, start time nor token

  friend bool operator==(const journaled_instance&, const journaled_instance&) = default;
};

/// A row that cannot be read, of another version or a broken file. It stays as it is.
struct unreadable_row {
  std::string name;
  error reason;
};

template <class Row>
struct stored_rows {
  std::vector<Row> rows{};
  std::vector<unreadable_row> unreadable{};
};

class state_store {
 public:
  /// Opens or makes the file. On a full disk one that has its tables already is opened, too: it can
  /// be read, and each write looks whether there is room.
  static result<state_store> open(const std::filesystem::path& file);
  state_store(state_store&&) noexcept;
  /// Leaves the file whole, without a WAL.
  ~state_store();

  result<stored_rows<desired_service>> services() const;
  result<void> put_service(const desired_service& service);
  /// All of them in one transaction.
  result<void> put_services(const std::vector<desired_service>& services);
  result<void> remove_service(const std::string& name);

  result<stored_rows<journaled_instance>> instances() const;
  /// Takes the place of what is there of that name. What cannot be written is kept and written
  /// before the next change, or by `catch_up`.
  result<void> put_instance(const journaled_instance& instance);
  /// Removes the row of this run, or of an earlier one.
  result<void> remove_instance(const std::string& name, std::uint64_t incarnation);
  /// Writes what could not be written.
  result<void> catch_up();

 private:
  struct connection;
  explicit state_store(std::unique_ptr<connection> c);
  connection& to_write();

  std::unique_ptr<connection> connection_;
  /// The rows that are behind, by name: what is to be there, or up to which run none.
  struct late_row {
    std::optional<journaled_instance> row;
    std::uint64_t removed = 0;
  };
  std::map<std::string, late_row> late_;
};

}  // namespace sm
