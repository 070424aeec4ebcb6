#include "help.hpp"

#include <fmt/format.h>

#include "exit_codes.hpp"
#include "text/roff.hpp"

namespace sm::ctl {
namespace {

constexpr std::size_t line_max = 96;

/// `text` in lines, each behind `indent` blanks; the first one continues what stands there.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t used = indent;
  while (!text.empty()) {
    auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (used > indent && used + 1 + word.size() > line_max) {
      out += "\n" + std::string(indent, ' ');
      used = indent;
    }
    if (used > indent) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out;
}

std::string operand_of(const operand_row& row) {
  std::string text(row.name);
  if (row.most > 1) text += "...";
  return row.least == 0 ? "[" + text + "]" : text;
}

std::string option_of(const option_row& row) {
  std::string text = row.letter != 0 ? fmt::format("-{}, ", row.letter) : "    ";
  text += "--" + std::string(row.name);
  if (row.value != takes::nothing) text += " " + std::string(row.meta);
  return text;
}

std::string listed(const std::string& name, std::string_view doc, std::size_t column) {
  std::string out = "  " + name;
  if (out.size() + 2 > column)
    out += "\n" + std::string(column, ' ');
  else
    out += std::string(column - out.size(), ' ');
  return out + wrapped(doc, column) + "\n";
}

std::string options_text(std::span<const option_row> rows) {
  std::string out;
  for (auto& row : rows) out += listed(option_of(row), row.doc, 30);
  return out;
}

std::string aliases_of(const verb_row& row) {
  std::string text;
  for (auto alias : row.aliases) text += (text.empty() ? "" : ", ") + std::string(alias);
  return text;
}

// -- Markdown

/// Within a cell '|' ends it, and within code spans nothing else is meant by anything.
std::string cell_of(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string options_in_markdown(std::span<const option_row> rows) {
  std::string out = "| option | meaning |\n|---|---|\n";
  for (auto& row : rows) {
    auto name = option_of(row);
    name = name.substr(name.find_first_not_of(' '));
    out += "| `" + cell_of(name) + "` | " + cell_of(row.doc) + " |\n";
  }
  return out;
}

// -- man(7)

std::string options_in_roff(std::span<const option_row> rows) {
  std::string out;
  for (auto& row : rows) {
    auto name = option_of(row);
    name = name.substr(name.find_first_not_of(' '));
    out += roff_item(name, row.doc);
  }
  return out;
}

constexpr std::string_view what_it_is =
    "smctl operates a manager of sm: it shows, starts, stops and changes its services, follows "
    "their logs, sends them commands, and works on the queue.";

constexpr std::string_view where_it_looks =
    "The manager is that of --server, or of $SM_SERVER; else the first that serves from `.sm` in "
    "the working directory or one above it, from this user's place for state folders "
    "(docs/files.md), or from the system's, /var/lib/sm. Several in one place: `smd` is the one.";

constexpr std::string_view what_goes_where =
    "Data goes to standard output, messages to standard error. Tables fit the terminal by leaving "
    "columns out. What would destroy something is asked for on a terminal, and needs --yes "
    "elsewhere.";

struct variable_row {
  std::string_view name, meaning;
};
constexpr variable_row variables[] = {
    {"SM_SERVER", "where the manager is, as --server has it"},
    {"SM_TOKEN_FILE", "the file of the token for HTTP"},
    {"SM_TOKEN", "the token itself"},
    {"NO_COLOR", "anything but nothing: no colours"},
    {"COLUMNS, LINES", "the terminal's size, before what it says itself"},
    {"VISUAL, EDITOR", "the editor of `smctl edit`"}};

}  // namespace

std::string usage_of(const verb_row& row) {
  std::string text = "smctl " + std::string(row.name);
  if (!row.options.empty()) text += " [OPTION...]";
  for (auto& operand : row.operands) text += " " + operand_of(operand);
  if (!row.command_line.empty()) text += " [-- " + std::string(row.command_line) + "...]";
  return text;
}

std::string help_text() {
  std::string out =
      "Usage: smctl [OPTION...] VERB [ARGUMENT...]\n\n" + wrapped(what_it_is, 0) + "\n\nVerbs:\n";
  for (auto& row : verbs()) out += listed(std::string(row.name), row.summary, 20);
  out += "\nOptions of all verbs:\n" + options_text(common_options());
  out += "\n" + wrapped(where_it_looks, 0) + "\n\n'smctl help VERB' shows all about one.\n";
  return out;
}

std::string help_text(const verb_row& row) {
  std::string out = "Usage: " + usage_of(row) + "\n\n" + wrapped(row.summary, 0) + ".\n";
  if (!row.details.empty()) out += wrapped(row.details, 0) + "\n";
  if (auto aliases = aliases_of(row); !aliases.empty()) out += "\nAlso called: " + aliases + "\n";
  if (!row.operands.empty()) out += "\n";
  for (auto& operand : row.operands) out += listed(operand_of(operand), operand.doc, 20);
  if (!row.options.empty()) out += "\nOptions:\n" + options_text(row.options);
  out += "\nOptions of all verbs: 'smctl help'.\n";
  if (!row.examples.empty()) out += "\nExamples:\n";
  for (auto example : row.examples) out += "  " + std::string(example) + "\n";
  return out;
}

std::string reference_page() {
  std::string out = "# smctl\n\n" + wrapped(what_it_is, 0) + "\n\n" + wrapped(where_it_looks, 0) +
                    "\n\n" + wrapped(what_goes_where, 0) + "\n\n## Options of all verbs\n\n" +
                    options_in_markdown(common_options());
  out += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (auto& row : exit_rows()) out += fmt::format("| {} | {} |\n", row.code, cell_of(row.meaning));
  out += "\n## Environment\n\n| variable | meaning |\n|---|---|\n";
  for (auto& row : variables) out += fmt::format("| `{}` | {} |\n", row.name, cell_of(row.meaning));
  out += "\n## Verbs\n";
  for (auto& row : verbs()) {
    out += "\n### " + std::string(row.name) + "\n\n    " + usage_of(row) + "\n\n" +
           wrapped(row.summary, 0) + ".\n";
    if (!row.details.empty()) out += wrapped(row.details, 0) + "\n";
    if (auto aliases = aliases_of(row); !aliases.empty())
      out += "\nAlso called: " + aliases + ".\n";
    if (!row.operands.empty()) out += "\n| operand | meaning |\n|---|---|\n";
    for (auto& operand : row.operands)
      out += "| `" + cell_of(operand_of(operand)) + "` | " + cell_of(operand.doc) + " |\n";
    if (!row.options.empty()) out += "\n" + options_in_markdown(row.options);
    for (std::size_t i = 0; i < row.examples.size(); ++i)
      out += (i == 0 ? "\n    " : "    ") + std::string(row.examples[i]) + "\n";
  }
  return out;
}

std::string man_page() {
  std::string out =
      ".TH SMCTL 1 \"\" \"sm " SM_VERSION
      "\" \"sm\"\n.SH NAME\nsmctl \\- operate a manager of sm\n.SH SYNOPSIS\n.B smctl\n"
      "[OPTION...] VERB [ARGUMENT...]\n.SH DESCRIPTION\n" +
      roff(what_it_is) + "\n.PP\n" + roff(where_it_looks) + "\n.PP\n" + roff(what_goes_where) +
      "\n.SH OPTIONS\n" + options_in_roff(common_options()) + ".SH VERBS\n";
  for (auto& row : verbs()) {
    out += ".SS " + roff(usage_of(row)) + "\n" + roff(row.summary) + ".\n";
    if (!row.details.empty()) out += roff(row.details) + "\n";
    if (auto aliases = aliases_of(row); !aliases.empty())
      out += "Also called: " + roff(aliases) + ".\n";
    for (auto& operand : row.operands)
      out += ".TP\n.I " + roff(operand_of(operand)) + "\n" +
             (operand.doc.empty() ? "\\&" : roff(operand.doc)) + "\n";
    out += options_in_roff(row.options);
    if (!row.examples.empty()) {
      out += ".PP\n.nf\n";
      for (auto example : row.examples) out += roff(example) + "\n";
      out += ".fi\n";
    }
  }
  out += ".SH \"EXIT STATUS\"\n";
  for (auto& row : exit_rows()) out += fmt::format(".TP\n.B {}\n{}\n", row.code, roff(row.meaning));
  out += ".SH ENVIRONMENT\n";
  for (auto& row : variables) out += fmt::format(".TP\n.B {}\n{}\n", row.name, roff(row.meaning));
  return out;
}

}  // namespace sm::ctl
