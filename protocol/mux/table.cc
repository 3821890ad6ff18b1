// The table of streams: how they come and go.
#include <vector>

#include "protocol/mux/impl.h"
#include "protocol/wire/frame.h"

namespace rdev::mux {

StreamState* Mux::Impl::find(StreamId id) {
  const auto found = streams.find(id);
  return found == streams.end() ? nullptr : &found->second;
}

Path* Mux::Impl::find_path(std::uint32_t consumer) {
  const auto found = paths.find(consumer);
  return found == paths.end() ? nullptr : &found->second;
}

StreamState& Mux::Impl::add(StreamId id, Path& path, Phase phase) {
  return streams.try_emplace(id, id, path, phase, options).first->second;
}

bool Mux::Impl::lives(StreamId id) {
  StreamState* const stream = find(id);
  return stream != nullptr && stream->phase == Phase::kOpen && !stream->closed &&
         !stream->closed_by_peer();
}

Result<StreamId> Mux::Impl::next_id(StreamId parent) {
  if (streams.size() >= options.streams) {
    return fail(Code::kLimit,
                "too many streams at once, at most " + std::to_string(options.streams));
  }
  const bool agent = options.side == Side::kAgent;
  if ((agent || parent != 0) && !lives(parent)) {
    return fail(Code::kClosed, "the stream above it is over");
  }
  const StreamId base = agent ? prefix_of(consumer_of(parent)) | kAgentOpened  //
                              : prefix_of(options.consumer);
  for (;;) {
    const StreamId id = base | (next++ & (kAgentOpened - 1));
    if (find(id) == nullptr) {
      return id;
    }
  }
}

void Mux::Impl::forget(StreamState& stream) {
  const StreamId id = stream.id;  // lives longer than the stream
  data.set(stream, false);
  streams.erase(id);
}

void Mux::Impl::event(const StreamState& stream, Event event) {
  if (!stream.closed) {
    event.id = stream.id;
    events.push_back(std::move(event));
  }
}

void Mux::Impl::end(StreamState& stream, std::string_view why) {
  event(stream, {.kind = Event::Kind::kReset, .text = std::string(why)});
  forget(stream);
}

void Mux::Impl::fault(StreamState& stream, std::string_view why) {
  Path& path = stream.path;
  if (!path.unsend(stream.id)) {
    send_reset(path, stream.id, why);
  }
  schedule(path);
  end(stream, why);
}

void Mux::Impl::send_reset(Path& path, StreamId id, std::string_view why) {
  std::string head, frame;
  wire::append_u32(head, 0);
  wire::append_frame(frame, {.type = wire::Type::kReset, .stream = id}, head,
                     why.substr(0, wire::kMaxSentence));
  path.send(id, std::move(frame));
  schedule(path);
}

void Mux::Impl::send_refusal(Path& path, StreamId id, stream::Refusal why,
                             std::string_view reason) {
  std::string head, frame;
  wire::append_u32(head, static_cast<std::uint32_t>(why));
  wire::append_frame(frame, {.type = wire::Type::kRefuse, .stream = id}, head,
                     reason.substr(0, wire::kMaxSentence));
  path.send(id, std::move(frame));
  schedule(path);
}

void Mux::Impl::detach(std::uint32_t consumer) {
  std::vector<StreamId> gone;
  for (const auto& [id, stream] : streams) {
    if (consumer_of(id) == consumer) {
      gone.push_back(id);
    }
  }
  std::erase_if(unfinished,
                [consumer](const auto& one) { return consumer_of(one.first) == consumer; });
  for (const StreamId id : gone) {
    end(*find(id), "the process that used the stream is gone");
  }
  paths.erase(consumer);
}

}  // namespace rdev::mux
