// Every reader of JSON that comes from outside, with every text of the table: as the whole
// document, and in the place of each value of a valid one. None throws, and none takes a number for
// another.
#include "hostile_documents.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <sm/http.hpp>
#include <sm/service.hpp>
#include <sm/service_spec.hpp>

#include "log/log_reader.hpp"
#include "process/fork_server.hpp"
#include "process/rendezvous.hpp"
#include "queue/failure_record.hpp"
#include "queue/job_documents.hpp"
#include "queue/job_operations.hpp"
#include "queue/job_request.hpp"
#include "queue/job_status.hpp"
#include "queue/job_tallies.hpp"
#include "queue/payload.hpp"
#include "queue/redis/plugin_form.hpp"
#include "queue/schedule.hpp"
#include "queue/transfer.hpp"
#include "security/access_tokens.hpp"

namespace sm {
namespace {

struct foreign_reader {
  const char* name;
  std::string valid;  ///< a document that it takes
  std::function<void(const std::string&)> read;
};

/// What the reader of a body throws on purpose is an answer.
void answer(const std::function<void()>& f) {
  try {
    f();
  } catch (const failure& e) {
    EXPECT_LT(traits(e.reason().code).http_status, 500U) << to_string(e.reason());
  }
}

void over_a_socket(int type, const std::string& text, const std::function<void(int)>& read) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
  unique_fd a(fds[0]), b(fds[1]);
  ASSERT_GE(::send(a.get(), text.data(), std::min<std::size_t>(text.size(), 60'000), 0), 0);
  read(b.get());
}

struct sized {
  int size = 0;
  std::string name;
  std::vector<double> list;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(sized, size, name, list)

const std::vector<foreign_reader>& readers() {
  static const std::vector<foreign_reader> all{
      {"payload",
       R"({"class":"T","args":[{"a":1}],"id":"x","prefix":"p","queue_time":1.5,)"
       R"("sm":{"run_at":1,"lock":"k","until":"done"}})",
       [](const std::string& text) {
         auto job = decode_payload(text);
         (void)key_of_job(text);
         (void)to_document(job_view{.payload = text});
         EXPECT_TRUE(!job || decode_payload(encode_payload(*job)));
       }},
      {"failure",
       R"({"failed_at":"2026/01/01 00:00:00 UTC","payload":{"class":"T","args":[]},"exception":"E",)"
       R"("error":"e","worker":"w","queue":"q","raw64":"e30="})",
       [](const std::string& text) {
         (void)to_document(to_view(decode_failure(text)));
         auto again = decode_failure(encode_failure({.payload = text, .queue = "q"}));
         EXPECT_TRUE(again.has_payload);
         EXPECT_TRUE(again.payload == text) << "its bytes are untouched";
       }},
      {"status",
       R"({"status":1,"updated":1,"started":1,"class":"T","queue":"q","attempt":1,"error":"e",)"
       R"("result":1,"progress":{"share":0.5,"text":"t"}})",
       [](const std::string& text) {
         json j = json::object();
         add_status(j, text);
         (void)print_json(j);
         (void)decode_status(encode_status(decode_status(text)));
       }},
      {"schedule",
       R"({"name":"s","cron":"0 0 * * *","timezone":"UTC","type":"T","argument":1,"queue":"q",)"
       R"("missed":"skip","overlap":true,"enabled":true,"declared_by":"p"})",
       [](const std::string& text) {
         stored_schedule s{"s", text, 1};
         (void)to_document(s, 2);
         if (auto spec = schedule_in(s)) (void)job_of(*spec, 1);
       }},
      {"import",
       R"({"queue":"q","state":"dead","payload":"{}","run_at_ms":1,"failures":1,"crashes":1,)"
       R"("exception":"E","error":"e","worker":"w","failed_at_ms":1})",
       [](const std::string& text) {
         if (auto job = import_line(text)) (void)export_line(*job);
       }},
      {"delayed by a plugin", R"({"class":"T","args":[1],"queue":"q"})",
       [](const std::string& text) {
         (void)from_plugin_form(text);
         (void)plugin_form(text, "q");
       }},
      {"job request",
       R"({"type":"T","argument":{"a":1},"queue":"q","id":"x","delay":"1s","track":true,)"
       R"("unique":{"key":"k","until":"done","for":"1s"}})",
       [](const std::string& text) {
         answer([&] {
           auto body = parse_json(text);
           if (body && body->is_object()) (void)read_job_request(*body, "");
         });
       }},
      {"limits", R"({"concurrency":1,"rate":1,"period":"1s"})",
       [](const std::string& text) {
         answer([&] {
           auto body = parse_json(text);
           if (body && body->is_object()) (void)read_limits(*body, {});
         });
       }},
      {"specification",
       R"({"name":"x","type":"t","params":{"a":1},"instances":1,"restart":"always",)"
       R"("success_exit_codes":[0],"backoff":{"min":"1s","max":"2s","factor":2,"jitter":0.1},)"
       R"("intensity":{"restarts":1,"window":"1s"},"after":["y"],"tags":["t"],"memory_max":1,)"
       R"("env":{"A":"b"},"command":["x"],"type":"","nice":1})",
       [](const std::string& text) {
         auto spec = parse_json(text).and_then([](const json& j) { return spec_from_json(j); });
         EXPECT_TRUE(!spec || spec_from_json(to_json(*spec)) == spec);
       }},
      {"access tokens",
       R"([{"name":"a","role":"viewer","prefix":"sm_","digest":"00","created":1,"expires":0,"used":0}])",
       [](const std::string& text) {
         auto tokens = access_tokens::parse(text);
         EXPECT_TRUE(!tokens || access_tokens::parse(tokens->print())->all() == tokens->all());
       }},
      {"tallies", R"([["q","T",[1,2,3,4,5],[1,2,3,4,5,6,7,8,9,10,11,12],1.5]])",
       [](const std::string& text) {
         metric_page page;
         if (auto tallies = job_tallies::decode(text)) tallies->write(page);
       }},
      {"log line", R"({"ts":"T","level":"info","stream":"stdout","instance":"a:0","msg":"x"})",
       [](const std::string& text) {
         (void)readable_line(text);
         (void)readable_line("{\"ts\":" + text + "}");
         (void)field_of(text, "ts");
       }},
      {"greeting", R"({"role":"service","instance":"a:0","token":"t","version":1})",
       [](const std::string& text) {
         over_a_socket(SOCK_STREAM, text + "\n", [](int fd) { (void)receive_greeting(fd); });
       }},
      {"message of a fork server",
       R"({"incarnation":1,"pid":2,"reason":"r","delayed":true,"gone":[1],"unknown":[2],"left":[]})",
       [](const std::string& text) {
         over_a_socket(SOCK_SEQPACKET, text.substr(0, 16'000) + " ",
                       [](int fd) { (void)receive_fork_message(fd); });
       }},
      {"arguments of a command", R"({"size":1,"name":"n","list":[1.5]})",
       [](const std::string& text) {
         detail::make_command("x", [](const sized& s) { return s.size; })(
             text, [](const result<std::string>& outcome) {
               EXPECT_TRUE(outcome || outcome.error().code == errc::bad_arguments);
             });
       }},
  };
  return all;
}

class hostile_document : public ::testing::TestWithParam<foreign_reader> {};

INSTANTIATE_TEST_SUITE_P(of, hostile_document, ::testing::ValuesIn(readers()), [](auto& p) {
  std::string name = p.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

/// Fails with what was read, and not with an abort.
void read(const foreign_reader& r, const std::string& text, const std::string& what) {
  auto outcome = guarded(what, [&] { r.read(text); });
  EXPECT_TRUE(outcome) << r.name << ", " << what << ": " << to_string(outcome.error());
}

}  // namespace

TEST_P(hostile_document, is_no_exception) {
  auto& reader = GetParam();
  read(reader, reader.valid, "valid");
  for (auto& hostile : test::hostile_documents()) read(reader, hostile.text, hostile.name);
}

TEST_P(hostile_document, is_no_exception_in_the_place_of_any_value) {
  constexpr std::size_t small = 4096;  // the large ones are read as a whole
  auto& reader = GetParam();
  auto flat = json::parse(reader.valid).flatten();
  for (auto& place : flat.items()) {
    auto document = json::parse(reader.valid);
    document[json::json_pointer(place.key())] = "%HERE%";
    auto frame = document.dump();
    auto at = frame.find("\"%HERE%\"");
    for (auto& hostile : test::hostile_documents()) {
      if (hostile.text.size() > small) continue;
      auto text = frame;
      read(reader, text.replace(at, 8, hostile.text), hostile.name + " at " + place.key());
    }
  }
}

TEST(hostile_documents, what_is_read_holds_every_number_as_it_was_written) {
  for (auto& hostile : test::hostile_documents()) {
    auto document = parse_json(hostile.text);
    EXPECT_EQ(document.has_value(), check_json(hostile.text).has_value()) << hostile.name;
    if (!document || !document->is_number_integer() || hostile.text == "-0") continue;
    EXPECT_EQ(print_json(*document), hostile.text);
  }
}

}  // namespace sm
