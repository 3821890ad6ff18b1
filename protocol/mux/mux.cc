#include "protocol/mux/mux.h"

#include <cassert>

#include "protocol/mux/impl.h"

namespace rdev::mux {
namespace {

// What the answer of an ACCEPT may take.
constexpr std::size_t kLargestAnswer = wire::kMaxPayload - kLanes * sizeof(std::uint64_t);

void append_limits(std::string& bytes, const StreamState& stream) {
  for (const Lane lane : kEveryLane) {
    wire::append_u64(bytes, stream.incoming(lane).limit());
  }
}

// One OPEN, or several when the request does not fit into one.
void send_open(Path& path, StreamId id, std::string_view payload) {
  bool first = true;
  do {
    const std::string_view piece = payload.substr(0, wire::kMaxPayload);
    payload.remove_prefix(piece.size());
    const std::uint8_t flags = payload.empty() ? 0 : wire::kMore;
    std::string frame;
    wire::append_frame(frame, {.type = wire::Type::kOpen, .flags = flags, .stream = id}, piece);
    path.send(id, std::move(frame), first);
    first = false;
  } while (!payload.empty());
}

}  // namespace

Mux::Mux(const Options& options) : impl_(std::make_unique<Impl>(options)) {
  assert(options.side == Side::kAgent || options.consumer != 0);
}

Mux::~Mux() = default;

Mux::Impl::Impl(const Options& chosen) : options(chosen) {
  if (!options.memory) {
    options.memory = std::make_shared<Memory>(kSessionMemory);
  }
  begin();
}

void Mux::Impl::begin() {
  if (options.side == Side::kClient) {
    paths.try_emplace(options.consumer, options.consumer);
  }
}

std::optional<Event> Mux::next_event() {
  if (impl_->events.empty()) {
    return std::nullopt;
  }
  std::optional<Event> event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

Result<StreamId> Mux::open(std::string_view request, StreamId parent) {
  if (request.size() > kLargestRequest) {
    return fail(Code::kLimit, "the request is too long: " + std::to_string(request.size()) +
                                  " bytes, at most " + std::to_string(kLargestRequest) +
                                  " (arguments and environment of a command are part of it)");
  }
  const auto id = impl_->next_id(parent);
  if (!id) {
    return id;
  }
  Path& path = *impl_->find_path(consumer_of(*id));
  const StreamState& stream = impl_->add(*id, path, StreamState::Phase::kAsked);
  std::string payload;
  wire::append_u64(payload, parent);
  append_limits(payload, stream);
  send_open(path, *id, payload.append(request));
  impl_->schedule(path);
  return id;
}

void Mux::accept(StreamId id, std::string_view answer) {
  StreamState* const stream = impl_->find(id);
  if (stream == nullptr || stream->phase != StreamState::Phase::kOffered) {
    return;
  }
  if (answer.size() > kLargestAnswer) {
    return impl_->fault(*stream, "the answer is too long");
  }
  stream->phase = StreamState::Phase::kOpen;
  std::string head, frame;
  append_limits(head, *stream);
  wire::append_frame(frame, {.type = wire::Type::kAccept, .stream = id}, head, answer);
  stream->path.send(id, std::move(frame));
  impl_->schedule(stream->path);
  impl_->schedule(*stream);
}

void Mux::refuse(StreamId id, stream::Refusal why, std::string_view reason) {
  StreamState* const stream = impl_->find(id);
  if (stream != nullptr && stream->phase == StreamState::Phase::kOffered) {
    impl_->send_refusal(stream->path, id, why, reason);
    impl_->forget(*stream);
  }
}

std::size_t Mux::write(StreamId id, Lane lane, std::string_view bytes) {
  StreamState* const stream = impl_->find(id);
  if (stream == nullptr || stream->phase == StreamState::Phase::kOffered) {
    return 0;
  }
  const std::size_t n = stream->outgoing(lane).write(bytes);
  impl_->schedule(*stream);
  return n;
}

std::size_t Mux::room(StreamId id, Lane lane) {
  StreamState* const stream = impl_->find(id);
  if (stream == nullptr || stream->phase == StreamState::Phase::kOffered) {
    return 0;
  }
  const std::size_t room = stream->outgoing(lane).want_room();
  impl_->schedule(*stream);
  return room;
}

void Mux::finish(StreamId id, Lane lane) {
  if (lane == Lane::kControl) {
    return close(id);
  }
  if (StreamState* const stream = impl_->find(id)) {
    stream->outgoing(lane).finish();
    impl_->schedule(*stream);
  }
}

std::size_t Mux::read(StreamId id, Lane lane, char* out, std::size_t capacity) {
  StreamState* const stream = impl_->find(id);
  if (stream == nullptr) {
    return 0;
  }
  InLane& incoming = stream->incoming(lane);
  const std::size_t n = incoming.read(out, capacity);
  if (incoming.credit_due()) {
    impl_->tell_credit(*stream, lane);
  }
  return n;
}

void Mux::set_most_window(std::uint64_t most) {
  impl_->options.most_window = most;
  for (auto& [id, stream] : impl_->streams) {
    OutLane& outgoing = stream.outgoing(Lane::kData);
    outgoing.set_most(most);
    stream.incoming(Lane::kData).set_most(most);
    if (outgoing.take_writable()) {
      impl_->event(stream, {.kind = Event::Kind::kWritable, .lane = Lane::kData});
    }
  }
}

void Mux::acknowledge() {
  for (auto& [id, stream] : impl_->streams) {
    for (const Lane lane : kEveryLane) {
      if (stream.incoming(lane).credit_owed()) {
        impl_->tell_credit(stream, lane);
      }
    }
  }
  for (auto& [consumer, path] : impl_->paths) {
    path.tell_received();
    impl_->schedule(path);
  }
}

std::size_t Mux::readable(StreamId id, Lane lane) const {
  StreamState* const stream = impl_->find(id);
  return stream == nullptr ? 0 : stream->incoming(lane).held();
}

bool Mux::at_end(StreamId id, Lane lane) const {
  StreamState* const stream = impl_->find(id);
  return stream != nullptr && stream->incoming(lane).at_end();
}

bool Mux::broken(StreamId id, Lane lane) const {
  StreamState* const stream = impl_->find(id);
  return stream != nullptr && stream->incoming(lane).broken();
}

bool Mux::closed_by_peer(StreamId id) const {
  StreamState* const stream = impl_->find(id);
  return stream != nullptr && stream->closed_by_peer();
}

void Mux::close(StreamId id) {
  StreamState* const stream = impl_->find(id);
  if (stream == nullptr || stream->closed) {
    return;
  }
  if (stream->phase == StreamState::Phase::kOffered) {
    return refuse(id, stream::Refusal::kProhibited, "nobody answered");
  }
  stream->closed = true;
  for (const Lane lane : kEveryLane) {
    stream->outgoing(lane).finish();
    stream->incoming(lane).drop_all();
    if (stream->incoming(lane).credit_due()) {
      impl_->tell_credit(*stream, lane);
    }
  }
  impl_->schedule(*stream);
}

void Mux::break_off(StreamId id) {
  StreamState* const stream = impl_->find(id);
  if (stream != nullptr) {
    stream->outgoing(Lane::kData).break_off();
    stream->outgoing(Lane::kStderr).break_off();
    impl_->schedule(*stream);
  }
}

void Mux::reset(StreamId id, std::string_view why) {
  if (StreamState* const stream = impl_->find(id)) {
    stream->closed = true;
    impl_->fault(*stream, why);
  }
}

void Mux::reset_all(std::string_view why) {
  impl_->unfinished.clear();
  while (!impl_->streams.empty()) {
    impl_->end(impl_->streams.begin()->second, why);
  }
  impl_->paths.clear();
  impl_->begin();
}

void Mux::detach(std::uint32_t consumer) { impl_->detach(consumer); }

std::size_t Mux::streams() const { return impl_->streams.size(); }

std::size_t Mux::held() const {
  std::size_t held = 0;
  for (const auto& [id, stream] : impl_->streams) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      held += stream.out[lane].held() + stream.in[lane].held();
    }
  }
  return held;
}

}  // namespace rdev::mux
