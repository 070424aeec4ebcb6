// HTTPS, as openssl and curl see it.
#include <fstream>

#include "command.hpp"
#include "supervision_fixture.hpp"
#include "temporary_folder.hpp"

namespace sm::test {
namespace {

/// A certificate of its own making for localhost.
struct certificate {
  explicit certificate(const std::filesystem::path& folder) : folder_(folder) { make("first"); }

  void make(const std::string& name) const {
    auto made = run_command({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout",
                             key() + ".new", "-out", file() + ".new", "-subj", "/CN=" + name,
                             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"});
    EXPECT_EQ(made.code, 0) << made.err;
    std::filesystem::rename(key() + ".new", key());
    std::filesystem::rename(file() + ".new", file());
  }
  std::string file() const { return (folder_ / "cert.pem").string(); }
  std::string key() const { return (folder_ / "key.pem").string(); }

 private:
  std::filesystem::path folder_;
};

struct with_certificate {
  temporary_folder folder;
  certificate made{folder.path()};
};

class tls_fixture : private with_certificate, public supervision_fixture {
 protected:
  tls_fixture()
      : supervision_fixture({}, {"SM_HTTP__TLS_CERTIFICATE=" + made.file(),
                                 "SM_HTTP__TLS_KEY=" + made.key(), "SM_HTTP__HEADER_TIMEOUT=1s"}) {}

  certificate& cert() { return made; }
  std::string url(const std::string& path) const {
    return "https://localhost:" + std::to_string(app.port()) + path;
  }
  command_result curl(std::vector<std::string> words) {
    words.insert(words.begin(), {"curl", "-sS", "--max-time", "30", "--cacert", made.file()});
    return run_command(words);
  }
  command_result handshake(std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(app.port())});
    return run_command(words, "");
  }
};

}  // namespace

TEST_F(tls_fixture, what_is_asked_by_https_is_answered) {
  auto answer = curl({url("/v1/services/a"), "-H", "Authorization: Bearer " + app.token()});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(json::parse(answer.out)["name"], "a");
  // A body and an answer of many records, and several requests on one connection.
  auto big = app.state() / "big.json";
  std::ofstream(big) << "\"" << std::string(700'000, 'x') << "\"";
  auto echo = url("/v1/services/a/commands/echo");
  answer = curl({echo, echo, "-H", "Authorization: Bearer " + app.token(), "--data-binary",
                 "@" + big.string(), "-w", "\n%{num_connects}\n"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_NE(answer.out.find(std::string(700'000, 'x')), std::string::npos);
  EXPECT_TRUE(answer.out.ends_with("\n0\n")) << "the second one needed no connection";
}

TEST_F(tls_fixture, a_stream_goes_on_by_https) {
  auto told =
      curl({url("/v1/events?since=0&held=1"), "-H", "Authorization: Bearer " + app.token()});
  EXPECT_EQ(told.code, 0) << told.err;
  EXPECT_NE(told.out.find("event: service.state"), std::string::npos);
}

TEST_F(tls_fixture, old_protocols_and_weak_ciphers_are_refused) {
  EXPECT_EQ(handshake({"-tls1_3"}).code, 0);
  EXPECT_EQ(handshake({"-tls1_2"}).code, 0);
  EXPECT_NE(handshake({"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}).code, 0);
  EXPECT_NE(handshake({"-tls1", "-cipher", "ALL:@SECLEVEL=0"}).code, 0);
  for (auto* weak : {"AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"})
    EXPECT_NE(handshake({"-tls1_2", "-cipher", std::string(weak) + ":@SECLEVEL=0"}).code, 0)
        << weak;
  auto offered = handshake({"-alpn", "h2,http/1.1"});
  EXPECT_NE(offered.out.find("ALPN protocol: http/1.1"), std::string::npos) << offered.out;
}

TEST_F(tls_fixture, who_speaks_without_tls_is_told_where_to_ask_and_gets_nothing_done) {
  auto reply = app.connect().request("POST", "/v1/services/b/stop?wait=5s", "",
                                     {{"Authorization", "Bearer " + app.token()}});
  EXPECT_EQ(reply.status, 308);
  EXPECT_EQ(reply.headers["location"], "https://localhost/v1/services/b/stop?wait=5s");
  EXPECT_EQ(app.service("b")["state"], "RUNNING");
  EXPECT_EQ(app.connect().request("GET", "/healthz").status, 308);
}

TEST_F(tls_fixture, who_is_silent_in_the_handshake_is_not_waited_for) {
  auto silent = app.connect();
  EXPECT_TRUE(silent.closed_within(patience));
  auto half = app.connect();
  ASSERT_TRUE(half.send(std::string("\x16\x03\x01\x02\x00", 5)));
  EXPECT_TRUE(half.closed_within(patience));
  auto nonsense = app.connect();
  ASSERT_TRUE(nonsense.send(std::string("\x16\x03\x01\x00\x05hello", 10)));
  nonsense.receive_until(std::string("\x15\x03", 2));  // an alert
}

TEST_F(tls_fixture, another_certificate_is_taken_without_a_restart_and_a_broken_one_is_not) {
  auto subject = [&] { return handshake({}).out; };
  EXPECT_NE(subject().find("CN = first"), std::string::npos);
  auto kept = app.connect();  // whose handshake has not begun
  cert().make("second");
  app.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return subject().find("CN = second") != std::string::npos; }));
  std::ofstream(cert().file()) << "no certificate";
  app.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return app.log_of("manager").find("the certificates in use stay") != std::string::npos;
  }));
  EXPECT_NE(subject().find("CN = second"), std::string::npos);
  EXPECT_EQ(app.pid() > 0 && app.all_ready(), true);
}

TEST_F(tls_fixture, browsers_keep_their_session_to_https) {
  auto link = app.api("POST", "/v1/sign-ins").document()["url"].get<std::string>();
  EXPECT_TRUE(link.starts_with("https://127.0.0.1:")) << link;
  auto code = link.substr(link.find("code="));
  auto signed_in = curl({"-i", url("/ui/sign-in"), "-d", code});
  EXPECT_NE(signed_in.out.find("; Secure"), std::string::npos) << signed_in.out;
}

namespace {

/// An authority, and certificates of its clients.
struct authority {
  explicit authority(const std::string& name) {
    auto made = run_command({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout",
                             path("ca.key"), "-out", file(), "-subj", "/CN=" + name});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string file() const { return path("ca.pem"); }
  /// PEM with key and certificate.
  std::string client(const std::string& name, const std::string& extension) const {
    std::ofstream(path("ext")) << "extendedKeyUsage=" << extension;
    auto request = run_command({"openssl", "req", "-newkey", "ec", "-pkeyopt",
                                "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                                path(name + ".key"), "-out", path("csr"), "-subj", "/CN=" + name});
    EXPECT_EQ(request.code, 0) << request.err;
    auto made = run_command({"openssl", "x509", "-req", "-in", path("csr"), "-CA", file(), "-CAkey",
                             path("ca.key"), "-days", "2", "-extfile", path("ext"), "-out",
                             path(name + ".pem")});
    EXPECT_EQ(made.code, 0) << made.err;
    std::ofstream(path(name + ".pem"), std::ios::app) << std::ifstream(path(name + ".key")).rdbuf();
    return path(name + ".pem");
  }

 private:
  temporary_folder folder_;
};

struct with_authority : with_certificate {
  authority ours{"ours"};
};

class client_certificates : private with_authority, public supervision_fixture {
 protected:
  client_certificates()
      : supervision_fixture(
            {}, {"SM_HTTP__TLS_CERTIFICATE=" + made.file(), "SM_HTTP__TLS_KEY=" + made.key(),
                 "SM_HTTP__TLS_CLIENT_CA=" + ours.file(),
                 "SM_HTTP__TLS_CLIENT_ROLES=ci.example=operator,"
                 "boss@b.example=admin"}) {}

  const authority& clients() const { return ours; }
  command_result curl(const std::string& certificate, std::vector<std::string> more) {
    std::vector<std::string> words{"curl",     "-sS",       "--max-time", "30",
                                   "--cacert", made.file(), "-w",         "%{http_code}"};
    if (!certificate.empty()) words.insert(words.end(), {"--cert", certificate});
    for (auto& word : more)
      words.push_back(
          word.starts_with("/") ? "https://localhost:" + std::to_string(app.port()) + word : word);
    return run_command(words);
  }
};

}  // namespace

TEST_F(client_certificates, a_name_that_has_a_rule_needs_no_token) {
  auto ci = clients().client("ci.example", "clientAuth");
  auto shown = curl(ci, {"/v1/services/a"});
  EXPECT_TRUE(shown.out.ends_with("200")) << shown.out << shown.err;
  auto restarted = curl(ci, {"/v1/services/a/restart?wait=10s", "-X", "POST"});
  EXPECT_TRUE(restarted.out.ends_with("200")) << restarted.out << restarted.err;
  auto removed = curl(ci, {"/v1/services/a", "-X", "DELETE"});
  EXPECT_TRUE(removed.out.ends_with("403")) << removed.out;
  EXPECT_NE(removed.out.find("the certificate 'ci.example' has the role operator"),
            std::string::npos)
      << removed.out;
  EXPECT_NE(text_of(app.state() / "log" / "audit.log").find("\"by\":\"certificate ci.example, "),
            std::string::npos);
  auto named = clients().client("x", "clientAuth\nsubjectAltName=email:boss@b.example");
  EXPECT_TRUE(curl(named, {"/v1/services/b?wait=10s", "-X", "DELETE"}).out.ends_with("200"));
}

TEST_F(client_certificates, who_shows_none_or_one_without_a_rule_needs_a_token) {
  auto stranger = clients().client("stranger", "clientAuth");
  for (auto& certificate : {std::string(), stranger}) {
    auto refused = curl(certificate, {"/v1/services"}).out;
    EXPECT_TRUE(refused.ends_with("401")) << refused;
    EXPECT_EQ(refused.find("the certificate 'stranger' has no role here") != std::string::npos,
              !certificate.empty())
        << refused;
    auto token = "Authorization: Bearer " + app.token();
    EXPECT_TRUE(curl(certificate, {"/v1/services", "-H", token}).out.ends_with("200"));
    EXPECT_TRUE(curl(certificate, {"/healthz"}).out.ends_with("200"));
  }
}

TEST_F(client_certificates, one_that_is_not_good_does_not_get_through) {
  authority others("ours");  // by name alone
  EXPECT_NE(curl(others.client("ci.example", "clientAuth"), {"/healthz"}).code, 0);
  EXPECT_NE(curl(clients().client("ci.example", "serverAuth"), {"/healthz"}).code, 0)
      << "it is a server's";
  EXPECT_TRUE(eventually([&] {
    return app.log_of("manager").find("the certificate of 127.0.0.1:") != std::string::npos;
  })) << "told at least of the first one";
}

TEST_F(client_certificates, an_authority_that_was_replaced_counts_on_no_connection) {
  auto ci = clients().client("ci.example", "clientAuth");
  authority others("others");
  std::filesystem::rename(others.file(), clients().path("after"));
  std::filesystem::rename(clients().path("after"), clients().file());
  app.signal(SIGHUP);
  auto told = [&](const std::string& text) {
    return eventually([&] { return app.log_of("manager").find(text) != std::string::npos; });
  };
  EXPECT_TRUE(told("the certificates were read again"));
  EXPECT_NE(curl(ci, {"/v1/services/a"}).code, 0);
  std::filesystem::remove(clients().file());
  app.signal(SIGHUP);
  EXPECT_TRUE(told("the certificates in use stay"));
}

TEST_F(client_certificates, who_comes_back_with_a_ticket_is_known_again) {
  auto ci = clients().client("ci.example", "clientAuth");
  auto twice = curl(ci, {"/v1/services/a", "/v1/services/b", "-H", "Connection: close", "-v"});
  EXPECT_EQ(twice.code, 0) << twice.err;
  EXPECT_TRUE(twice.out.ends_with("200")) << twice.out;
  EXPECT_NE(twice.err.find("re-using session ID"), std::string::npos) << twice.err;
  auto older =
      run_command({"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(app.port()),
                   "-tls1_2", "-reconnect", "-cert", ci, "-key", ci});
  EXPECT_NE(older.out.find("Reused, TLSv1.2"), std::string::npos) << older.out << older.err;
}

TEST(tls, files_that_are_none_are_named) {
  temporary_folder folder;
  certificate made(folder.path());
  auto starts = [&](const std::vector<std::string>& environment) {
    auto state = folder.path() / "state";
    auto all = environment;
    all.push_back("SM_HTTP__LISTEN=127.0.0.1:0");
    return run_command({TEST_PROGRAM, "--state", state.string()}, "", all);
  };
  auto alone = starts({"SM_HTTP__TLS_KEY=" + made.key()});
  EXPECT_NE(alone.code, 0);
  EXPECT_NE(alone.err.find("http.tls_certificate"), std::string::npos) << alone.err;
  auto none = starts({"SM_HTTP__TLS_KEY=" + made.key(), "SM_HTTP__TLS_CERTIFICATE=/nowhere.pem"});
  EXPECT_NE(none.code, 0);
  EXPECT_NE(none.err.find("/nowhere.pem"), std::string::npos) << none.err;
  auto swapped =
      starts({"SM_HTTP__TLS_KEY=" + made.file(), "SM_HTTP__TLS_CERTIFICATE=" + made.file()});
  EXPECT_NE(swapped.err.find("is no key of the certificate"), std::string::npos) << swapped.err;
}

}  // namespace sm::test
