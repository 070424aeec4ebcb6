// smctl import, and smd on what it makes.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "command.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

namespace sm::test {
namespace {

namespace fs = std::filesystem;

const fs::path shapes = IMPORT_FILES;

std::string text_of(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// With HERE where the files are.
std::string from_anywhere(std::string text) {
  for (auto at = text.find(shapes.string()); at != text.npos; at = text.find(shapes.string()))
    text.replace(at, shapes.string().size(), "HERE");
  return text;
}

std::vector<fs::path> shape_files() {
  std::vector<fs::path> all;
  for (auto& entry : fs::directory_iterator(shapes))
    if (auto kind = entry.path().extension(); kind != ".toml" && kind != ".lost")
      all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

command_result import(std::vector<std::string> words, const std::string& input = {}) {
  words.insert(words.begin(), {SMCTL, "import"});
  return run_command(words, input);
}

}  // namespace

/// What becomes of each stands beside it, and what is lost; both are written anew where
/// SM_WRITE_DOCS is set.
TEST(smctl_import, files_of_others_become_configurations_and_every_loss_is_named) {
  auto files = shape_files();
  EXPECT_EQ(files.size(), 12U);
  temporary_folder folder;
  for (auto& file : files) {
    SCOPED_TRACE(file.filename().string());
    auto done = import({file.string()});
    auto toml = from_anywhere(done.out), lost = from_anywhere(done.err);
    if (std::getenv("SM_WRITE_DOCS")) {
      std::ofstream(file.string() + ".toml") << toml;
      std::ofstream(file.string() + ".lost") << lost;
    }
    EXPECT_EQ(toml, text_of(file.string() + ".toml"));
    EXPECT_EQ(lost, text_of(file.string() + ".lost"));
    EXPECT_EQ(done.code, lost.empty() ? 0 : 1);
    auto made = (folder.path() / "smd.toml").string();
    std::ofstream(made) << done.out;
    auto checked = run_command({SMD, "--config", made, "--check"}, {},
                               {"RUN_BEAT=true", "MAILER_OPTIONS=-v", "HOME=/root", "HOSTNAME=a"});
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err << done.out;
  }
}

TEST(smctl_import, a_file_is_never_overwritten_without_being_told_to) {
  temporary_folder folder;
  auto file = (folder.path() / "Procfile").string(), made = (folder.path() / "smd.toml").string();
  std::ofstream(file) << "web: sleep 1000\n";
  auto first = import({file, "-o", made});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, "");
  EXPECT_EQ(first.err, "1 service, nothing is lost\n");
  auto text = text_of(made);
  EXPECT_NE(text.find("[service.web]\ncommand = [\"sleep\", \"1000\"]\n"), text.npos) << text;
  std::ofstream(made) << "mine";
  auto again = import({file, "-o", made});
  EXPECT_EQ(again.code, 2);
  EXPECT_EQ(again.err, "smctl: " + made + ": is there already; --yes replaces it\n");
  EXPECT_EQ(text_of(made), "mine");
  EXPECT_EQ(import({file, "-o", made, "--yes"}).code, 0);
  EXPECT_EQ(text_of(made), text);
  EXPECT_EQ(import({file, "-o", folder.path().string() + "/none/x"}).code, 2);
}

TEST(smctl_import, what_cannot_be_read_is_2_and_says_why) {
  temporary_folder folder;
  auto path = [&](const char* name) { return (folder.path() / name).string(); };
  std::ofstream(path("ecosystem.config.js")) << "module.exports = {}";
  std::ofstream(path("notes.txt")) << "nothing";
  std::ofstream(path("a.conf")) << "[supervisord]\nnodaemon=true\n[program x\n";
  auto program = import({path("ecosystem.config.js")});
  EXPECT_EQ(program.code, 2);
  EXPECT_NE(program.err.find("make JSON of it: node -p"), std::string::npos) << program.err;
  EXPECT_EQ(import({path("notes.txt")}).code, 2);
  EXPECT_EQ(import({path("none")}).err,
            "smctl: " + path("none") + ": cannot be read: No such file or directory\n");
  EXPECT_EQ(import({folder.path().string()}).code, 2);
  EXPECT_EQ(import({path("a.conf")}).err, "smctl: " + path("a.conf") +
                                              ":3: '[program x' is neither [SECTION] nor "
                                              "KEY=VALUE\n");
  EXPECT_EQ(import({}).code, 2);
  EXPECT_EQ(import({"--from", "runit", path("notes.txt")}).code, 2);
}

TEST(smctl_import, standard_input_and_quiet_and_several_files) {
  auto piped = import({"-", "--from", "procfile", "-q"}, "a: sleep 1\nrelease: true\n");
  EXPECT_EQ(piped.code, 1) << "something is lost, though nothing says so";
  EXPECT_EQ(piped.err, "");
  EXPECT_NE(piped.out.find("[service.release]"), std::string::npos);
  auto instance = import({(shapes / "worker@mail.service").string(), "-q"});
  EXPECT_NE(instance.out.find("[service.worker-mail]"), std::string::npos) << instance.err;
  auto both =
      import({(shapes / "legacy.service").string(), (shapes / "web.service").string(), "-q"});
  EXPECT_NE(both.out.find("after = [\"legacy\"]"), std::string::npos) << both.out;
}

}  // namespace sm::test
