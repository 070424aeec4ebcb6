// Answers of a manager, looked at before anything reads them.
#pragma once

#include <sm/json.hpp>

#include "api/operations.hpp"

namespace sm::ctl {

/// That a document is of the kind that the operation gives, by the schemas of OpenAPI: each field
/// that has to be there is, and none is of another kind. Fields that are not known
/// may come of a newer manager. Fails with `bad_request`, the operation, the JSON pointer and what
/// is wrong there.
result<void> check_answer(const operation& op, const json& document);

}  // namespace sm::ctl
