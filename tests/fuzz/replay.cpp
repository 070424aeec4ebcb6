// Runs files through a target: fuzz_replay TARGET FILE_OR_FOLDER...; without arguments names the
// targets.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "fuzz.hpp"
#include "hostile_documents.hpp"

namespace {

namespace fs = std::filesystem;

std::map<std::string, sm::fuzz::target>& targets() {
  static std::map<std::string, sm::fuzz::target> all;
  return all;
}

std::vector<fs::path> files_of(const fs::path& place) {
  if (!fs::is_directory(place)) return {place};
  std::vector<fs::path> files;
  for (auto& entry : fs::directory_iterator(place)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

constexpr std::size_t large = 16 << 10;  // bytes of a document

/// Where a value stands in the documents that the targets read; "@" is its place.
constexpr const char* places[] = {
    "@",
    R"({"class":@,"args":[]})",
    R"({"class":"A","args":@})",
    R"({"class":"A","args":[@],"id":"x"})",
    R"({"class":"A","args":[],"id":@,"queue_time":@,"prefix":@,"queue":@})",
    R"({"class":"A","args":[],"sm":{"lock":@,"until":@,"run_at":@}})",
    R"({"failed_at":@,"payload":@,"exception":@,"error":@,"worker":@,"queue":@,"raw64":@})",
    R"({"status":@,"updated":@,"started":@,"attempt":@,"result":@,"progress":{"share":@,"text":@}})",
    R"({"type":@,"argument":@,"queue":@,"id":@,"delay":@,"run_at_ms":@,"track":@,"unique":@})",
    R"({"type":"A","arguments":[@],"unique":{"key":@,"until":@,"for":@}})",
    R"({"name":@,"type":@,"params":@,"instances":@,"backoff":@,"env":@,"command":@,"tags":@})",
    R"({"name":"a","type":"t","params":{"v":@},"backoff":{"min":@,"factor":@},"intensity":{"restarts":@}})",
    R"({"name":"n","cron":@,"timezone":"UTC","type":@,"argument":@,"queue":@,"missed":@,"overlap":@})",
    R"({"queue":@,"state":@,"payload":@,"payload64":@,"run_at_ms":@,"failures":@})",
    R"({"ts":@,"instance":@,"stream":@,"level":@,"msg":@})",
    R"({"role":@,"instance":@,"incarnation":@,"token":@,"version":@,"phase":@,"pid":@,"reason":@})",
    R"([[@,@,[@],[@],@]])",
};

std::string within(std::string_view around, const std::string& text) {
  std::string out;
  for (char c : around)
    if (c == '@')
      out += text;
    else
      out += c;
  return out;
}

}  // namespace

sm::fuzz::registration::registration(const char* name, target run) { targets()[name] = run; }

int main(int argc, char** argv) {
  if (argc < 3) {
    for (auto& [name, run] : targets()) std::puts(name.c_str());
    return argc == 1 ? 0 : 2;
  }
  auto found = targets().find(argv[1]);
  if (found == targets().end()) {
    std::fprintf(stderr, "fuzz_replay: there is no target '%s'\n", argv[1]);
    return 2;
  }
  std::size_t count = 0;
  // The name is said before: it is the last line when the input ends the process.
  auto run = [&](const std::string& name, std::string_view bytes) {
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    found->second(bytes);
    ++count;
  };
  run("nothing", {});
  for (int i = 2; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--hostile") {
      // A large one stands by itself: in several places of a document it says nothing further.
      for (auto& d : sm::test::hostile_documents())
        for (auto* around : places)
          if (d.text.size() <= large || around == places[0])
            run(d.name + " as " + around, within(around, d.text));
      continue;
    }
    for (auto& file : files_of(argv[i])) {
      std::ifstream in(file, std::ios::binary);
      if (!in) {
        std::fprintf(stderr, "fuzz_replay: cannot read %s\n", file.c_str());
        return 2;
      }
      run(file.string(), std::string((std::istreambuf_iterator<char>(in)), {}));
    }
  }
  std::printf("%zu inputs\n", count);
  return count > 1 ? 0 : 2;
}
