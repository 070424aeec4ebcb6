#include "dashboard/templates.hpp"

#include <array>
#include <deque>
#include <kainjow/mustache.hpp>
#include <map>
#include <stdexcept>
#include <vector>

#include "embedded/dashboard.hpp"

namespace sm {
namespace {

namespace mustache = kainjow::mustache;

struct template_row {
  std::string_view name, text;
};

constexpr std::array templates{
    template_row{"audit.html", embedded::dashboard::audit_html},
    template_row{"commands.html", embedded::dashboard::commands_html},
    template_row{"event_list.html", embedded::dashboard::event_list_html},
    template_row{"events.html", embedded::dashboard::events_html},
    template_row{"failed.html", embedded::dashboard::failed_html},
    template_row{"job.html", embedded::dashboard::job_html},
    template_row{"job_table.html", embedded::dashboard::job_table_html},
    template_row{"layout.html", embedded::dashboard::layout_html},
    template_row{"manager.html", embedded::dashboard::manager_html},
    template_row{"overview.html", embedded::dashboard::overview_html},
    template_row{"plots.html", embedded::dashboard::plots_html},
    template_row{"queue.html", embedded::dashboard::queue_html},
    template_row{"queues.html", embedded::dashboard::queues_html},
    template_row{"schedules.html", embedded::dashboard::schedules_html},
    template_row{"service.html", embedded::dashboard::service_html},
    template_row{"service_actions.html", embedded::dashboard::service_actions_html},
    template_row{"services.html", embedded::dashboard::services_html},
    template_row{"sign_in.html", embedded::dashboard::sign_in_html},
    template_row{"state.html", embedded::dashboard::state_html}};

std::string_view text_of(std::string_view name) {
  for (auto& row : templates)
    if (row.name == name) return row.text;
  throw std::logic_error("there is no template " + std::string(name));
}

/// The text with its partials in their place: the library would parse a partial each time it is
/// shown, once for each row of a table.
std::string assembled(std::string_view name, std::string_view content) {
  constexpr std::string_view begin = "{{> ", end = "}}";
  auto rest = text_of(name);
  std::string whole;
  for (;;) {
    auto at = rest.find(begin);
    whole += rest.substr(0, at);
    if (at == rest.npos) return whole;
    rest.remove_prefix(at + begin.size());
    auto partial = std::string(rest.substr(0, rest.find(end)));
    rest.remove_prefix(partial.size() + end.size());
    whole += partial == "content" ? assembled(content, {}) : assembled(partial + ".html", {});
  }
}

mustache::mustache& parsed(std::string_view name, bool framed) {
  // The library changes a template while it shows it; the loop shows where one signs in, a thread
  // all else.
  thread_local std::map<std::pair<std::string, bool>, mustache::mustache> known;
  auto key = std::pair(std::string(name), framed);
  auto entry = known.find(key);
  if (entry == known.end()) {
    mustache::mustache made(framed ? assembled("layout.html", name) : assembled(name, {}));
    if (!made.is_valid()) throw std::logic_error(std::string(name) + ": " + made.error_message());
    entry = known.emplace(std::move(key), std::move(made)).first;
  }
  return entry->second;
}

/// Shows the library a model as it is: made into data of the library's own it would be copied
/// several times, and most of it never looked at. Remembers what it was asked for and does not
/// have.
class model_context : public mustache::basic_context<std::string> {
 public:
  model_context(const json& model, std::set<std::string>* missing) : missing_(missing) {
    open_.push_back(&model);
  }

  void push(const mustache::data* section) override {
    // An empty text would open it, too (kainjow 4.1, unlike others): a flag says that there is one.
    if (section == &text_ && missing_) missing_->insert("a section that a text opens");
    open_.push_back(nullptr);
    for (auto list = lists_.rbegin(); list != lists_.rend() && !open_.back(); ++list) {
      auto& items = list->first.list_value();
      if (!items.empty() && section >= &items.front() && section <= &items.back())
        open_.back() = &(*list->second)[static_cast<std::size_t>(section - &items.front())];
    }
    if (auto object = objects_.find(section); object != objects_.end())
      open_.back() = object->second;
  }
  void pop() override { open_.pop_back(); }

  const mustache::data* get(const std::string& name) const override {
    if (name == ".") return open_.back() ? shown(*open_.back()) : nullptr;
    for (auto model = open_.rbegin(); model != open_.rend(); ++model) {
      if (!*model || !(*model)->is_object()) continue;
      if (auto member = (*model)->find(name); member != (*model)->end()) return shown(*member);
    }
    if (missing_) missing_->insert(name);
    return nullptr;
  }
  const mustache::data* get_partial(const std::string&) const override { return nullptr; }

 private:
  const mustache::data* shown(const json& value) const {
    switch (value.type()) {
      case json::value_t::object: {
        auto& object = kept_.emplace_back(mustache::data::type::bool_true);
        objects_[&object] = &value;
        return &object;
      }
      case json::value_t::array: {
        mustache::list items(value.size(), mustache::data::type::bool_true);
        lists_.emplace_back(items, &value);
        return &lists_.back().first;
      }
      case json::value_t::string:
        text_ = value.get_ref<const std::string&>();
        return &text_;
      case json::value_t::boolean:
        return value.get<bool>() ? &true_ : &false_;
      case json::value_t::null:
        return &false_;
      default:
        text_ = print_json(value);
        return &text_;
    }
  }

  std::vector<const json*> open_;  // the innermost section last; null: of no model
  std::set<std::string>* missing_;
  // What the library was given: it keeps pointers to it while a section is open.
  mutable std::deque<std::pair<mustache::data, const json*>> lists_;
  mutable std::deque<mustache::data> kept_;
  mutable std::map<const mustache::data*, const json*> objects_;
  mutable mustache::data text_;
  const mustache::data true_{mustache::data::type::bool_true},
      false_{mustache::data::type::bool_false};
};

}  // namespace

std::string render_template(std::string_view name, const json& model, bool framed,
                            std::set<std::string>* missing) {
  model_context context(model, missing);
  return parsed(name, framed).render(context);
}

}  // namespace sm
