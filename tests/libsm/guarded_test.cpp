#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <new>
#include <sm/http.hpp>
#include <sm/service.hpp>

#include "log/process_log.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

struct plain_request : request {
  std::string text;
  std::string_view method() const override { return "POST"; }
  std::string_view path() const override { return "/x"; }
  std::string_view body() const override { return text; }
  std::string_view header(std::string_view) const override { return {}; }
  std::string_view capture(std::string_view) const override { return {}; }
  std::optional<std::string> query(std::string_view) const override { return {}; }
  std::vector<std::string> query_names() const override { return {}; }
  sm::manager& manager() const override { std::terminate(); }
  std::string id() const override { return "1"; }
  const principal& caller() const override {
    static const principal nobody;
    return nobody;
  }
};

template <class F>
response ask(F handler, std::string body = {}) {
  plain_request rq;
  rq.text = std::move(body);
  response got{.status = 0};
  make_route_handler(std::move(handler))(rq, [&](response r) { got = std::move(r); });
  return got;
}

struct unwritable {};
[[maybe_unused]] void to_json(json&, const unwritable&) { throw std::runtime_error("secret"); }

struct with_size {
  int size = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(with_size, size)

}  // namespace

TEST(guarded, every_exception_becomes_an_error) {
  EXPECT_EQ(*guarded("here", [] { return 1; }), 1);
  EXPECT_TRUE(guarded("here", [] {}));
  EXPECT_EQ(guarded("here", []() -> result<int> { return fail(errc::conflict, "no"); }).error(),
            (error{errc::conflict, "no", {}}));
  EXPECT_EQ(guarded("here", [] { throw failure(errc::conflict, "no", "/a"); }).error(),
            (error{errc::conflict, "no", "/a"}));
  EXPECT_EQ(guarded(
                "here", [] { throw std::runtime_error("x"); }, errc::handler_failed)
                .error(),
            (error{errc::handler_failed, "x", {}}));
  EXPECT_EQ(guarded("here", [] { throw 1; }).error().code, errc::internal);
  EXPECT_EQ(guarded("here", [] { throw std::bad_alloc(); }).error().code, errc::overloaded);
}

TEST(guarded, is_logged_once_with_where_unless_it_is_an_answer) {
  test::temporary_folder folder;
  auto file = folder.path() / "log";
  log_caught_to(open_log({.file = file, .instance = "test"}));
  (void)guarded("GET /orders", [] { throw std::runtime_error("no paper"); });
  (void)guarded("GET /bills", [] { throw failure(errc::not_found, "no such bill"); });
  std::ifstream in(file);
  std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("GET /orders: internal: no paper"), std::string::npos) << text;
  log_caught_to(stderr_log("test"));
}

TEST(guarded, a_route_answers_500_whatever_it_throws_and_tells_strangers_nothing) {
  auto is_500 = [](const response& r) {
    EXPECT_EQ(r.body.find("secret"), std::string::npos) << r.body;
    return r.status == 500;
  };
  promise<int> done;
  done.set_value(1);
  EXPECT_TRUE(is_500(ask([]() -> int { throw 1; })));
  EXPECT_TRUE(is_500(ask([](request&) { throw std::runtime_error("secret"); })));
  EXPECT_TRUE(is_500(ask([] { return unwritable{}; })));
  EXPECT_TRUE(is_500(ask([]() -> promise<int> { throw std::runtime_error("secret"); })));
  EXPECT_TRUE(is_500(
      ask([&] { return done.transform([](int) -> int { throw std::runtime_error("secret"); }); })));
  promise<unwritable> bad;
  bad.set_value({});
  EXPECT_TRUE(is_500(ask([&] { return bad; })));
  EXPECT_EQ(ask([] { throw std::bad_alloc(); }).status, 503U);
  EXPECT_EQ(ask([] { throw failure(errc::conflict, "no"); }).status, 409U);
  auto typed = [](request&, const with_size&) {};
  EXPECT_EQ(ask(typed, R"({"size":"x"})").status, 422U);
  EXPECT_EQ(ask(typed, R"({"size":1e400})").status, 400U);
  EXPECT_EQ(ask(typed, R"({"size":18446744073709551616})").status, 400U);
  EXPECT_EQ(ask(typed, R"({"size":1})").status, 204U);
}

TEST(guarded, a_command_answers_whatever_it_throws) {
  auto run = [](auto f, std::string_view arguments = "null") {
    result<std::string> got = fail(errc::internal, "no answer");
    detail::make_command("command x", f)(arguments, [&](result<std::string> r) { got = r; });
    return got;
  };
  EXPECT_EQ(run([] { throw 42; }).error().code, errc::handler_failed);
  EXPECT_EQ(run([]() -> promise<int> { throw 42; }).error().code, errc::handler_failed);
  EXPECT_EQ(run([] { return unwritable{}; }).error().code, errc::handler_failed);
  EXPECT_EQ(run([](const with_size&) {}, R"({"size":"x"})").error(),
            (error{errc::bad_arguments, "type must be number, but is string", "/size"}));
  EXPECT_EQ(*run([](int n) { return n + 1; }, "1"), "2");
}

}  // namespace sm
