// A peer's bytes into an agent's and into a client's mux with applications on top that take
// everything: whatever comes, bounds hold and what goes out is whole frames. Frames of type 100 and
// more are no peer's: they say what the application does.

#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>

#include "protocol/mux/mux.h"

namespace {

using namespace rdev;

constexpr std::uint32_t kConsumer = 1;
constexpr std::uint64_t kWindows[] = {300, 100, 50};
constexpr std::size_t kStreams = 8;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void take_output(mux::Mux& mux, std::size_t enough) {
  std::string out;
  mux.produce(out, enough);
  wire::Decoder decoder;
  decoder.feed(out);
  std::size_t size = 0;
  for (auto frame = decoder.next(); frame.value(); frame = decoder.next()) {
    require(wire::is_stream_frame((*frame)->header.type));
    size += wire::kHeaderBytes + (*frame)->payload.size();
  }
  require(size == out.size());
}

void react(mux::Mux& mux) {
  while (const auto event = mux.next_event()) {
    if (event->kind == mux::Event::Kind::kOpened) {
      event->text == "no" ? mux.refuse(event->id, stream::Refusal::kProhibited, "no")
                          : mux.accept(event->id, "answer");
    } else if (event->kind == mux::Event::Kind::kReadable) {
      char byte;
      mux.read(event->id, event->lane, &byte, 1);
      require(mux.readable(event->id, event->lane) < kWindows[static_cast<int>(event->lane)]);
    }
  }
  require(mux.streams() <= kStreams);
  require(mux.held() <=
          2 * mux.streams() * std::accumulate(std::begin(kWindows), std::end(kWindows), 0UL));
}

void act(mux::Mux& mux, mux::Side side, const wire::Frame& frame) {
  const mux::StreamId id = frame.header.stream;
  const auto lane = static_cast<mux::Lane>(frame.header.lane % mux::kLanes);
  char buffer[64];
  switch (static_cast<unsigned>(frame.header.type)) {
    case 100:
      mux.write(id, lane, frame.payload);
      break;
    case 101:
      mux.read(id, lane, buffer, sizeof buffer);
      break;
    case 102:
      mux.finish(id, lane);
      break;
    case 103:
      mux.close(id);
      break;
    case 104:
      mux.reset(id, frame.payload);
      break;
    case 105:
      static_cast<void>(mux.open(frame.payload, id));
      break;
    case 106:
      mux.acknowledge();
      break;
    case 107:
      take_output(mux, frame.payload.size());
      break;
    case 108:
      mux.detach(static_cast<std::uint32_t>(id));
      break;
    case 109:
      mux.reset_all("cut");
      break;
    case 110:
      mux.suspend();
      break;
    case 111:
      if (side == mux::Side::kClient) {
        mux.resume();
      }
      break;
    default:
      break;
  }
}

void run(mux::Mux& mux, mux::Side side, std::string_view bytes, std::size_t step) {
  wire::Decoder decoder;
  while (!bytes.empty()) {
    decoder.feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    for (;;) {
      const auto frame = decoder.next();
      if (!frame) {
        return;
      }
      if (!*frame) {
        break;
      }
      if (!wire::is_stream_frame((*frame)->header.type)) {
        act(mux, side, **frame);
      } else if (!mux.receive(**frame)) {
        return;
      }
      react(mux);
    }
  }
}

void run(mux::Side side, std::string_view bytes, std::size_t step) {
  mux::Mux mux({.side = side,
                .consumer = side == mux::Side::kClient ? kConsumer : 0,
                .streams = kStreams,
                .windows = {kWindows[0], kWindows[1], kWindows[2]}});
  if (side == mux::Side::kClient) {
    require(mux.open("request").has_value());
    take_output(mux, ~std::size_t{0});
  }
  run(mux, side, bytes, step);
  take_output(mux, ~std::size_t{0});
  require(!mux.has_output());
  mux.reset_all("over");
  require(mux.streams() + mux.held() == 0 && !mux.has_output());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  run(mux::Side::kAgent, bytes, size + 1);
  run(mux::Side::kClient, bytes, 7);
  return 0;
}
