#include "api/gather_stream.hpp"

#include "http/event_text.hpp"

namespace sm {
namespace {

/// What is left to send is bounded by the answers themselves, which the document at the end would
/// have held, too.
class answers_on_their_way : public response_stream {
 public:
  std::string_view heartbeat() const override { return ":\n\n"; }
  bool pull(std::string& out, std::size_t max) override {
    auto size = std::min(text_.size() - sent_, std::max<std::size_t>(max, 1));
    out.append(text_, sent_, size);
    sent_ += size;
    if (sent_ < text_.size()) return true;
    text_.clear();
    sent_ = 0;
    return !ended_;
  }

  void put(const char* kind, const std::string& data) {
    append_event(text_, {.event = kind, .data = data});
    wake();
  }
  void end(bool complete) {
    ended_ = true;
    put("end", complete ? R"({"complete":true})" : R"({"complete":false})");
  }

 private:
  std::string text_;
  std::size_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace

promise<response> stream_gather(const dispatch& commands, const call& c) {
  auto stream = std::make_shared<answers_on_their_way>();
  auto watch = std::make_shared<gather_watch>(gather_watch{
      .on_begin =
          [stream](const std::vector<gather_target>& targets) {
            json names = json::array();
            for (auto& t : targets) names.push_back(t.name);
            stream->put("targets", print_json(names));
          },
      .on_answer =
          [stream](const std::string& name, const std::string& answer) {
            stream->put("answer", R"({"name":")" + name + R"(","answer":)" + answer + "}");
          }});
  promise<response> opened;
  auto begun = std::make_shared<bool>(false);
  auto gathered = commands.broadcast(c, watch);
  gathered.then([stream, opened, begun](const result<json_text>& document) {
    // Nobody is asked where there is no such service: that is an answer of its own.
    if (!document && !*begun) return (void)opened.set_error(document.error());
    stream->end(document && document->text.starts_with(R"({"complete":true)"));
  });
  *begun = true;
  opened.set_value({.content_type = "text/event-stream", .stream = stream});
  return opened;
}

}  // namespace sm
