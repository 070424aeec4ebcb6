// What runs is written down even when there was no room for it at first.
#include "manager/journal.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <future>
#include <sstream>

#include "fake_manager.hpp"

namespace sm {
namespace {

using test::turn_until;
using runs = std::vector<std::pair<std::string, std::uint64_t>>;

class journal_fixture : public ::testing::Test {
 protected:
  ~journal_fixture() override {
    let_go_.set_value();
    written_.stop();
  }
  /// The disk stands still, and as many writes wait for it as may.
  void fill() {
    ASSERT_TRUE(written_.disk().post([gone = let_go_.get_future().share()] { gone.wait(); }));
    while (written_.disk().post([] {})) {
    }
  }
  void let_go() {
    let_go_.set_value();
    let_go_ = {};
  }
  /// The runs that are written once the journal says that it is complete again.
  runs all_written() {
    EXPECT_TRUE(turn_until(
        events_, [&] { return said_.str().find("complete again") != std::string::npos; }));
    written_.stop();
    return stored();
  }
  runs stored() const {
    runs all;
    auto found = test::value_of(store_.instances());
    for (auto& row : found.unreadable) ADD_FAILURE() << to_string(row.reason);
    for (auto& row : found.rows) all.emplace_back(row.name, row.incarnation);
    return all;
  }
  static journaled_instance run_of(const std::string& name, std::uint64_t incarnation) {
    journaled_instance row;
    row.name = name;
    row.pid = 4711;
    row.incarnation = incarnation;
    row.spec.name = name.substr(0, name.find(':'));
    row.spec.type = "demo";
    return row;
  }

  test::temporary_folder folder_;
  state_store store_ = test::value_of(state_store::open(folder_.path() / "state.db"));
  loop events_;
  std::promise<void> let_go_;
  std::ostringstream said_;  // in the loop's thread alone
  journal written_{events_,
                   logger(std::make_shared<spdlog::logger>(
                       "", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_))),
                   store_};
};

}  // namespace

TEST_F(journal_fixture, a_run_that_found_no_room_is_written_when_there_is) {
  fill();
  bool done = false;
  written_.put_instance(run_of("web:0", 5), [&] { done = true; });
  EXPECT_TRUE(done) << "its start is not held up";
  let_go();
  EXPECT_EQ(all_written(), (runs{{"web:0", 5}}));
}

TEST_F(journal_fixture, its_end_writes_what_found_no_room) {
  fill();
  written_.put_instance(run_of("web:0", 5), [] {});
  let_go();
  written_.stop();
  EXPECT_EQ(stored(), (runs{{"web:0", 5}}));
}

TEST_F(journal_fixture, of_a_run_that_found_no_room_the_last_word_counts) {
  fill();
  written_.put_instance(run_of("web:0", 5), [] {});
  written_.put_instance(run_of("zoo:0", 6), [] {});
  written_.remove_instance("web:0", 5);
  let_go();
  EXPECT_EQ(all_written(), (runs{{"zoo:0", 6}}));
}

}  // namespace sm
