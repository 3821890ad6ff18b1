#include "protocol/link/events.h"

#include "protocol/rdev.pb.h"
#include "protocol/wire/frame.h"

namespace rdev::link {
namespace {

struct Encode {
  StreamEvent& out;

  void operator()(const stream::WindowChange& size) const {
    auto* change = out.mutable_window_change();
    change->set_columns(size.columns);
    change->set_rows(size.rows);
    change->set_width_px(size.width_px);
    change->set_height_px(size.height_px);
  }
  void operator()(const stream::Signal& signal) const { out.set_signal(signal.name); }
  void operator()(const stream::Break& brk) const { out.set_break_ms(brk.milliseconds); }
  void operator()(const stream::ExitStatus& status) const { out.set_exit_status(status.code); }
  void operator()(const stream::ExitSignal& signal) const {
    auto* exit = out.mutable_exit_signal();
    exit->set_name(signal.name);
    exit->set_core_dumped(signal.core_dumped);
    exit->set_message(signal.message.substr(0, kMaxEventBytes / 2));
  }
};

std::optional<stream::Event> event_of(const StreamEvent& message) {
  switch (message.what_case()) {
    case StreamEvent::kWindowChange: {
      const auto& change = message.window_change();
      return stream::WindowChange{.columns = change.columns(),
                                  .rows = change.rows(),
                                  .width_px = change.width_px(),
                                  .height_px = change.height_px()};
    }
    case StreamEvent::kSignal:
      return stream::Signal{.name = message.signal()};
    case StreamEvent::kBreakMs:
      return stream::Break{.milliseconds = message.break_ms()};
    case StreamEvent::kExitStatus:
      return stream::ExitStatus{.code = message.exit_status()};
    case StreamEvent::kExitSignal: {
      const auto& exit = message.exit_signal();
      return stream::ExitSignal{
          .name = exit.name(), .core_dumped = exit.core_dumped(), .message = exit.message()};
    }
    case StreamEvent::WHAT_NOT_SET:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string encode_event(const stream::Event& event) {
  StreamEvent message;
  std::visit(Encode{message}, event);
  const std::string body = message.SerializeAsString();
  std::string out;
  wire::append_u32(out, static_cast<std::uint32_t>(body.size()));
  return out += body;
}

Result<std::optional<stream::Event>> EventDecoder::next() {
  for (;;) {
    std::string_view rest = bytes_;
    const auto size = wire::take_u32(rest);
    if (size && *size > kMaxEventBytes) {
      return fail(Code::kProtocol, "an event of " + std::to_string(*size) + " bytes");
    }
    if (!size || rest.size() < *size) {
      return std::nullopt;
    }
    StreamEvent message;
    if (!message.ParseFromArray(rest.data(), static_cast<int>(*size))) {
      return fail(Code::kProtocol, "an event that cannot be read");
    }
    bytes_.erase(0, sizeof(std::uint32_t) + *size);
    if (auto event = event_of(message)) {
      return event;
    }
  }
}

}  // namespace rdev::link
