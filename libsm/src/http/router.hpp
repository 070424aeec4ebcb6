// Maps method and path to a value. Patterns have fixed segments, `:name` for one segment and
// `*name` for the rest; a fixed segment wins over a capture, a capture over a rest, whatever the
// order.
#pragma once

#include <map>
#include <memory>
#include <sm/error.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "http/url.hpp"

namespace sm {

using captures = std::vector<std::pair<std::string_view, std::string>>;

template <class T>
class router {
 public:
  struct match {
    const T* value;
    captures captured;  ///< names point into the router
  };
  struct no_such_path {};
  struct wrong_method {
    std::string allow;  ///< for the Allow header: "GET, HEAD, OPTIONS"
  };
  using lookup_result = std::variant<match, no_such_path, wrong_method>;

  /// Fails with `invalid_spec` for a malformed pattern, `conflict` for a second value in one place.
  result<void> add(std::string_view method, std::string_view pattern, T value) {
    auto where = std::string(method) + " " + std::string(pattern);
    if (!pattern.starts_with('/'))
      return fail(errc::invalid_spec, "a route begins with '/'", where);
    node* at = &root_;
    for (auto rest = pattern.substr(1); at;) {
      auto slash = rest.find('/');
      auto segment = rest.substr(0, slash);
      bool last = slash == rest.npos;
      if (segment.starts_with(':') || segment.starts_with('*')) {
        auto name = segment.substr(1);
        if (name.empty()) return fail(errc::invalid_spec, "a capture needs a name", where);
        if (segment[0] == '*' && !last)
          return fail(errc::invalid_spec, "'*" + std::string(name) + "' must be the last segment",
                      where);
        auto& slot = segment[0] == ':' ? at->capture : at->rest;
        if (!slot) slot = std::make_unique<node>();
        if (!slot->name.empty() && slot->name != name)
          return fail(errc::conflict, "this capture is called '" + slot->name + "' elsewhere",
                      where);
        slot->name = name;
        at = slot.get();
      } else {
        auto [entry, fresh] = at->fixed.try_emplace(std::string(segment));
        if (fresh) entry->second = std::make_unique<node>();
        at = entry->second.get();
      }
      if (last) break;
      rest.remove_prefix(slash + 1);
    }
    if (!at->methods.try_emplace(std::string(method), std::move(value)).second)
      return fail(errc::conflict, "this route is defined twice", where);
    return {};
  }

  /// HEAD is answered by GET unless it has a value of its own.
  lookup_result lookup(std::string_view method, std::string_view path) const {
    match found{nullptr, {}};
    if (!path.starts_with('/')) return no_such_path{};
    const node* at = walk(root_, path.substr(1), found.captured);
    if (!at) return no_such_path{};
    auto entry = at->methods.find(method);
    if (entry == at->methods.end() && method == "HEAD") entry = at->methods.find("GET");
    if (entry == at->methods.end()) return wrong_method{allowed(*at)};
    found.value = &entry->second;
    return found;
  }

 private:
  struct node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> fixed{};
    std::unique_ptr<node> capture{};
    std::unique_ptr<node> rest{};
    std::string name{};  // of the capture that leads here
    std::map<std::string, T, std::less<>> methods{};
  };

  static const node* walk(const node& at, std::string_view path, captures& captured) {
    auto slash = path.find('/');
    auto segment = path.substr(0, slash);
    auto descend = [&](const node& next) -> const node* {
      if (slash != path.npos) return walk(next, path.substr(slash + 1), captured);
      return next.methods.empty() ? nullptr : &next;
    };
    if (auto entry = at.fixed.find(segment); entry != at.fixed.end())
      if (auto found = descend(*entry->second)) return found;
    if (at.capture && !segment.empty())
      if (auto text = percent_decode(segment)) {
        auto mark = captured.size();
        captured.emplace_back(at.capture->name, std::move(*text));
        if (auto found = descend(*at.capture)) return found;
        captured.resize(mark);
      }
    if (at.rest)
      if (auto text = percent_decode(path)) {
        captured.emplace_back(at.rest->name, std::move(*text));
        return at.rest.get();
      }
    return nullptr;
  }

  static std::string allowed(const node& at) {
    std::string text;
    bool head = at.methods.contains("HEAD");
    for (auto& [method, value] : at.methods) {
      text += method + ", ";
      if (method == "GET" && !head) text += "HEAD, ";
    }
    return text + "OPTIONS";
  }

  node root_;
};

}  // namespace sm
