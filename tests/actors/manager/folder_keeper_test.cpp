// What was removed from the state folder comes back, also when that does not succeed at once.
#include "manager/folder_keeper.hpp"

#include <filesystem>

#include "fake_manager.hpp"
#include "log/process_log.hpp"

namespace sm::test {

TEST(folder_keeper, what_cannot_be_restored_at_once_is_tried_again) {
  temporary_folder folder;
  auto state = value_of(state_folder::open(folder.path() / "state"));
  loop events;
  worker_thread disk;
  folder_keeper keeper(events, open_log({.file = {}, .instance = {}, .level = "error"}), state,
                       disk, std::chrono::hours(1));
  int calls = 0;
  keeper.watch([&] { return ++calls > 2; });
  std::filesystem::remove_all(state.log_folder());
  EXPECT_TRUE(turn_until(events, [&] { return calls == 3; })) << calls;
  EXPECT_TRUE(std::filesystem::exists(state.log_folder()));
  disk.stop();
}

}  // namespace sm::test
