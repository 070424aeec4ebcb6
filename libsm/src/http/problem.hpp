// Problem documents (RFC 9457) as the gateway sends them.
#pragma once

#include <optional>
#include <sm/http.hpp>
#include <string_view>

namespace sm {

/// The document of an error. Texts of exceptions are for the log and for who shows a token
/// (`confidant`); anybody else gets the code, and the request's id to ask about.
std::string problem_document(const error& e, std::string_view request_id, bool confidant);

/// The error that a problem document tells; nothing for what is none of ours.
std::optional<error> error_of_problem(std::string_view body);

}  // namespace sm
