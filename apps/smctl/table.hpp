// Tables for terminals: they fit by leaving columns out, and by cutting the last one, never by
// wrapping.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sm::ctl {

enum class tone { plain, good, bad, warning, dim, bold };

struct cell {
  std::string text{};
  tone in = tone::plain;
};

struct column {
  std::string title{};
  /// Where there is no room, the column of the highest rank goes first; those of rank 0 stay.
  int rank = 0;
  bool right = false;  ///< numbers
};

struct table {
  std::vector<column> columns{};
  std::vector<std::vector<cell>> rows{};
};

/// Columns that a terminal takes for `text`.
std::size_t display_width(std::string_view text);

/// `text` without anything that a terminal would obey: control bytes and what is no UTF-8 are shown
/// as \xNN, line feeds as \n; tabs stay when `keep_tabs`.
std::string harmless(std::string_view text, bool keep_tabs = false);

/// Cut to `width`, with "…" at its end when something was cut.
std::string fitted(std::string_view text, std::size_t width);

/// `text` in its tone by SGR sequences.
std::string toned(std::string_view text, tone in, bool colour);

/// The table in lines of at most `width` columns; 0 is any width. Cells are made harmless.
std::string print(const table& t, std::size_t width, bool colour);

}  // namespace sm::ctl
