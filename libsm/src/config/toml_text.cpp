#include "config/toml_text.hpp"

#include <algorithm>
#include <cmath>

#include "text/texts.hpp"

// Without exceptions, and in this file alone: the header is the whole library.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
// The parser of 3.3 assumes in its asserts what it has not looked at: it aborts for some texts that
// are no TOML, or is optimized for what does not hold. Without them it says what is wrong.
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)

#include <toml++/toml.h>

namespace sm {
namespace {

constexpr std::size_t depth_max = 64;

/// Where a key has more parts than that. Each is a table within the one before, and whoever walks
/// through tables, to free them, too, does so recursively; toml++ bounds the levels of values
/// alone.
std::size_t deep_key(std::string_view text) {
  std::size_t dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      dots = 0;
    } else if (c == '"' || c == '\'') {
      bool multiline = text.substr(i, 3) == std::string(3, c);
      std::string end(multiline ? 3 : 1, c);
      for (i += end.size(); i < text.size() && text.substr(i, end.size()) != end; ++i)
        if ((c == '"' && text[i] == '\\') && i + 1 < text.size()) ++i;
      i += end.size() - 1;
    } else if (c == '.') {
      if (++dots > depth_max) return i;
    } else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') {
      dots = 0;
    }
  }
  return text.npos;
}

file_place place_at(std::string_view text, std::size_t offset, const std::string& file) {
  auto before = text.substr(0, offset);
  auto line = static_cast<unsigned>(std::count(before.begin(), before.end(), '\n')) + 1;
  auto begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return {file, line, static_cast<unsigned>(offset - begin) + 1};
}

/// The column of the first thing in the line of a place.
unsigned first_of_line(std::string_view text, const file_place& where) {
  for (unsigned line = 1; line < where.line && text.find('\n') != text.npos; ++line)
    text.remove_prefix(text.find('\n') + 1);
  auto first = text.find_first_not_of(" \t");
  return first == text.npos ? where.column : static_cast<unsigned>(first) + 1;
}

class converter {
 public:
  converter(const std::string& file, placed_json& out, std::vector<config_mistake>& mistakes)
      : file_(file), out_(out), mistakes_(mistakes) {}

  json table(const toml::table& t, const std::string& pointer, std::size_t depth) {
    json object = json::object();
    for (auto&& [key, value] : t) {
      auto at = pointer + pointer_to(key.str());
      // A table of a header is said to stand at its bracket; a key knows itself.
      put(at, key.source());
      object[std::string(key.str())] = node(value, at, depth);
    }
    return object;
  }

 private:
  void put(const std::string& pointer, const toml::source_region& where) {
    out_.places[pointer] = {file_, where.begin.line, where.begin.column};
  }
  json refuse(const std::string& pointer, std::string why) {
    mistakes_.push_back({out_.places[pointer], key_of_pointer(pointer), std::move(why)});
    return nullptr;
  }
  json array(const toml::array& a, const std::string& pointer, std::size_t depth) {
    json list = json::array();
    for (std::size_t i = 0; i < a.size(); ++i) {
      auto at = pointer + "/" + std::to_string(i);
      put(at, a[i].source());
      list.push_back(node(a[i], at, depth));
    }
    return list;
  }
  json node(const toml::node& n, const std::string& pointer, std::size_t depth) {
    if (depth >= depth_max)
      return refuse(pointer, "nested deeper than " + std::to_string(depth_max) + " levels");
    if (auto* t = n.as_table()) return table(*t, pointer, depth + 1);
    if (auto* a = n.as_array()) return array(*a, pointer, depth + 1);
    if (auto* s = n.as_string()) return s->get();
    if (auto* i = n.as_integer()) return i->get();
    if (auto* b = n.as_boolean()) return b->get();
    if (auto* f = n.as_floating_point()) {
      if (!std::isfinite(f->get())) return refuse(pointer, "must be a finite number");
      return f->get();
    }
    return refuse(pointer, "a date or time is no value here; write a text in quotes");
  }

  const std::string& file_;
  placed_json& out_;
  std::vector<config_mistake>& mistakes_;
};

bool is_bare(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

}  // namespace

std::string to_string(const config_mistake& m) {
  std::string text = m.where.file;
  if (m.where.line > 0)
    text += ":" + std::to_string(m.where.line) + ":" + std::to_string(m.where.column);
  if (!m.key.empty()) text += (text.empty() ? "" : ": ") + m.key;
  return text + (text.empty() ? "" : ": ") + m.detail;
}

file_place placed_json::place_of(std::string pointer) const {
  for (;;) {
    if (auto found = places.find(pointer); found != places.end()) return found->second;
    auto slash = pointer.rfind('/');
    if (slash == pointer.npos) return {};
    pointer.resize(slash);
  }
}

std::string key_of_pointer(std::string_view pointer) {
  std::string text;
  while (pointer.starts_with('/')) {
    auto end = std::min(pointer.find('/', 1), pointer.size());
    std::string part;
    for (std::size_t i = 1; i < end; ++i) {
      bool escaped = pointer[i] == '~' && i + 1 < end;
      part += escaped ? (pointer[++i] == '0' ? '~' : '/') : pointer[i];
    }
    pointer.remove_prefix(end);
    bool index = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    if (index && text.find('.') != text.npos)
      text += "[" + part + "]";
    else
      text += (text.empty() ? "" : ".") + (is_bare(part) ? part : in_quotes(part));
  }
  return text;
}

placed_json parse_toml(std::string_view text, const std::string& file,
                       std::vector<config_mistake>& mistakes) {
  placed_json out;
  if (text.size() > config_size_max) {
    mistakes.push_back(
        {{file, 0, 0}, {}, "has more than " + std::to_string(config_size_max) + " bytes"});
    return out;
  }
  if (auto at = deep_key(text); at != text.npos) {
    mistakes.push_back({place_at(text, at, file),
                        {},
                        "a key has more than " + std::to_string(depth_max) + " parts"});
    return out;
  }
  auto parsed = toml::parse(text);
  if (!parsed) {
    auto& e = parsed.error();
    file_place where{file, e.source().begin.line, e.source().begin.column};
    std::string_view why = e.description();
    // A key that is twice is said to be where its value is.
    if (why.find("cannot redefine existing") != why.npos) where.column = first_of_line(text, where);
    // "Error while parsing key-value pair: ..."
    if (auto colon = why.find(": "); why.starts_with("Error while ") && colon != why.npos)
      why.remove_prefix(colon + 2);
    mistakes.push_back({std::move(where), {}, std::string(why)});
    return out;
  }
  out.document = converter(file, out, mistakes).table(parsed.table(), "", 0);
  return out;
}

}  // namespace sm
