// The one place where the JSON library's templates are made, see sm/json.hpp.
#include <sm/json.hpp>

template class nlohmann::basic_json<>;
template class nlohmann::detail::serializer<nlohmann::json>;
