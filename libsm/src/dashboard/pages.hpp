// The dashboard's pages, as one table: where each is, which documents of /v1 it shows, and what it
// makes of them. A page says nothing that the API does not.
#pragma once

#include <map>
#include <set>
#include <sm/api_role.hpp>
#include <sm/http.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

using text_table = std::map<std::string, std::string, std::less<>>;

/// Who asks for a page, and for what.
struct page_request {
  text_table captured{};             ///< by the page's pattern
  text_table query{};                ///< of the names that the page takes
  api_role role = api_role::viewer;  ///< of who asks
  std::string who{};                 ///< as the footer names him
  bool signed_in = false;            ///< by a browser's cookie, which can be taken back
  std::string program{}, version{};  ///< of the manager
  std::int64_t now_ms = 0;           ///< Unix time
};

/// What of /v1 a page shows.
struct page_source {
  std::string_view name;
  std::string_view target;  ///< ":name" stands for what the page captured
  /// Names of the page's query that go on to it, "limit=100" with what stands for none.
  std::vector<std::string_view> passes{};
  api_role role = api_role::viewer;  ///< who may ask for it; others see nothing of it
  bool of_queue = false;  ///< asked for where there is a queue alone: to look would make one
};

/// By a source's name: its answer.
using page_documents = std::map<std::string, result<json>, std::less<>>;

struct dashboard_page {
  std::string_view path;      ///< a pattern of the router
  std::string_view title;     ///< "" is what was captured
  std::string_view place;     ///< the entry of the navigation that it stands below
  std::string_view events{};  ///< a glob: those at which it is looked at again
  std::string_view shape;     ///< its template
  /// The first is what the page is about: without it there is no page.
  std::vector<page_source> sources;
  std::vector<std::string_view> query{};
  json (*view)(const page_request&, const page_documents&);
};

std::span<const dashboard_page> dashboard_pages();

/// "/v1/services/web?lines=100", with what was captured and passed on percent-encoded.
std::string target_of(const page_source& source, const page_request& rq);

/// The page; that of what went wrong, with its status, when its first document is not there.
/// `missing` gets the names that the template wanted in vain.
response render_page(const dashboard_page& page, const page_request& rq,
                     const page_documents& documents, std::set<std::string>* missing = nullptr);

/// A page that says what went wrong.
response problem_page(const page_request& rq, const error& e);

/// Where one signs in: with the code of a link, else with a token. Where the browser has come from
/// a page of another site, it left its cookie there (SameSite=Strict): `again` lets it ask anew.
struct sign_in_request {
  std::string program{};
  std::string code{};
  std::string message{};
  std::string next{};  ///< the page that was asked for
  bool again = false;
};
response sign_in_page(const sign_in_request& rq, unsigned status);

/// `next` if it is a page of the dashboard, else the first one.
std::string page_to_go_to(std::string_view next);

}  // namespace sm
