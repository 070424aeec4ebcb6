#include "service/service_members.hpp"

#include <algorithm>

namespace sm {

chosen_members::chosen_members(std::string_view list) noexcept {
  if (list.empty()) return;
  bits_ = 0;
  for (std::size_t begin = 0; begin <= list.size();) {
    auto end = std::min(list.find(',', begin), list.size());
    auto known =
        std::find(service_members.begin(), service_members.end(), list.substr(begin, end - begin));
    if (known != service_members.end()) bits_ |= 1U << (known - service_members.begin());
    begin = end + 1;
  }
}

json chosen_members::of(json service) const {
  for (std::size_t place = 0; place < service_members.size(); ++place)
    if (!chosen(place)) service.erase(std::string(service_members[place]));
  return service;
}

}  // namespace sm
