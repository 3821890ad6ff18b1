#include "protocol/ssh/events.h"

namespace rdev::ssh {
namespace {

struct Encode {
  EncodedEvent operator()(const stream::WindowChange& e) const {
    return {"window-change",
            Writer().u32(e.columns).u32(e.rows).u32(e.width_px).u32(e.height_px).take()};
  }
  EncodedEvent operator()(const stream::Signal& e) const {
    return {"signal", Writer().string(e.name).take()};
  }
  EncodedEvent operator()(const stream::Break& e) const {
    return {"break", Writer().u32(e.milliseconds).take()};
  }
  EncodedEvent operator()(const stream::ExitStatus& e) const {
    return {"exit-status", Writer().u32(e.code).take()};
  }
  EncodedEvent operator()(const stream::ExitSignal& e) const {
    return {"exit-signal",
            Writer().string(e.name).boolean(e.core_dumped).string(e.message).string("").take()};
  }
};

std::optional<stream::Event> decode(std::string_view type, Reader& body) {
  if (type == "window-change") {
    return read_size(body);
  }
  if (type == "signal") {
    return stream::Signal{std::string(body.string())};
  }
  if (type == "break") {
    return stream::Break{body.u32()};
  }
  if (type == "exit-status") {
    return stream::ExitStatus{body.u32()};
  }
  if (type == "exit-signal") {
    stream::ExitSignal event{.name = std::string(body.string())};
    event.core_dumped = body.boolean();
    event.message = body.string();
    body.string();  // the language
    return event;
  }
  return std::nullopt;
}

}  // namespace

EncodedEvent encode(const stream::Event& event) { return std::visit(Encode{}, event); }

bool is_event(std::string_view type) {
  return type == "window-change" || type == "signal" || type == "break" || type == "exit-status" ||
         type == "exit-signal";
}

std::optional<stream::Event> decode_event(std::string_view type, Reader body) {
  auto event = decode(type, body);
  return body.ok() ? event : std::nullopt;
}

stream::WindowChange read_size(Reader& body) {
  stream::WindowChange size;
  size.columns = body.u32();
  size.rows = body.u32();
  size.width_px = body.u32();
  size.height_px = body.u32();
  return size;
}

}  // namespace rdev::ssh
