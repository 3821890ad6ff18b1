#include "protocol/link/link_stream.h"

namespace rdev::link {
namespace {

// Events of a service that nobody reads: those after so many bytes are dropped, but an exit status
// is always the last.
constexpr std::size_t kMaxUnsentEvents = 65536;
constexpr std::size_t kControlPiece = 4096;

mux::Lane lane_of(stream::Lane lane) {
  return lane == stream::Lane::kData ? mux::Lane::kData : mux::Lane::kStderr;
}

std::size_t index(stream::Lane lane) { return static_cast<std::size_t>(lane); }

tl::unexpected<Error> closed(const StreamState& state) {
  return tl::make_unexpected(state.over.value_or(Error{Code::kClosed, "the stream was closed"}));
}

// Counts a write, also one whose coroutine is destroyed while it waits.
class Writing final {
 public:
  Writing(Core& core, mux::StreamId id, StreamState& state) : core_(core), id_(id), state_(state) {
    ++state_.writing;
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    --state_.writing;
    core_.settle(id_, state_);
  }

 private:
  Core& core_;
  mux::StreamId id_;
  StreamState& state_;
};

// The coroutines own what they wait in: the stream may be destroyed meanwhile.
awaitable<Result<std::size_t>> read_lane(std::shared_ptr<Core> core, mux::StreamId id,
                                         std::shared_ptr<StreamState> state,
                                         asio::mutable_buffer buffer, stream::Lane lane) {
  for (;;) {
    if (state->want_close) {
      co_return closed(*state);
    }
    const std::size_t n =
        core->mux.read(id, lane_of(lane), static_cast<char*>(buffer.data()), buffer.size());
    if (n > 0) {
      core->owe();
      core->kick();
      co_return n;
    }
    if (state->over) {
      co_return closed(*state);
    }
    if (core->mux.at_end(id, lane_of(lane)) && core->mux.broken(id, lane_of(lane))) {
      co_return fail(Code::kClosed, "the connection behind the stream broke");
    }
    if (buffer.size() == 0 || core->mux.at_end(id, lane_of(lane))) {
      co_return 0;
    }
    co_await state->readable[index(lane)].wait();
  }
}

Result<void> writable(const Core& core, mux::StreamId id, const StreamState& state) {
  if (state.over) {
    return closed(state);
  }
  if (core.mux.closed_by_peer(id)) {
    return fail(Code::kClosed, "the peer closed the stream");
  }
  if (state.broken) {
    return fail(Code::kClosed, "the stream was broken off");
  }
  return {};
}

awaitable<Result<void>> write_lane(std::shared_ptr<Core> core, mux::StreamId id,
                                   std::shared_ptr<StreamState> state, asio::const_buffer bytes,
                                   stream::Lane lane) {
  if (state->want_eof || state->want_close) {
    co_return fail(Code::kClosed, "write after the stream's end");
  }
  const Writing writing(*core, id, *state);
  std::string_view rest(static_cast<const char*>(bytes.data()), bytes.size());
  for (;;) {
    if (auto open = writable(*core, id, *state); !open) {
      co_return open;
    }
    rest.remove_prefix(core->mux.write(id, lane_of(lane), rest));
    core->kick();
    if (rest.empty()) {
      co_return Result<void>{};
    }
    co_await state->writable.wait();
  }
}

awaitable<void> lane_readable(std::shared_ptr<Core> core, mux::StreamId id,
                              std::shared_ptr<StreamState> state, stream::Lane lane) {
  while (!state->want_close && !state->over && core->mux.readable(id, lane_of(lane)) == 0 &&
         !core->mux.at_end(id, lane_of(lane))) {
    co_await state->readable[index(lane)].wait();
  }
}

awaitable<Result<std::size_t>> lane_writable(std::shared_ptr<Core> core, mux::StreamId id,
                                             std::shared_ptr<StreamState> state,
                                             stream::Lane lane) {
  while (!state->want_eof && !state->want_close) {
    if (auto open = writable(*core, id, *state); !open) {
      co_return tl::make_unexpected(open.error());
    }
    if (const std::size_t room = core->mux.room(id, lane_of(lane)); room > 0) {
      co_return room;
    }
    core->kick();
    co_await state->writable.wait();
  }
  co_return fail(Code::kClosed, "write after the stream's end");
}

// A function of its own: the frame of a coroutine that waits must not keep the buffer.
bool feed_events(Core& core, mux::StreamId id, StreamState& state) {
  char piece[kControlPiece];
  const std::size_t n = core.mux.read(id, mux::Lane::kControl, piece, sizeof piece);
  state.events.feed({piece, n});
  return n > 0;
}

awaitable<Result<stream::Event>> next_event(std::shared_ptr<Core> core, mux::StreamId id,
                                            std::shared_ptr<StreamState> state) {
  for (;;) {
    auto event = state->events.next();
    if (!event) {
      core->mux.reset(id, event.error().message);
      Core::dispatch(core);
      co_return tl::make_unexpected(event.error());
    }
    if (*event) {
      co_return std::move(**event);
    }
    if (feed_events(*core, id, *state)) {
      core->kick();
    } else if (state->over || state->want_close || core->mux.closed_by_peer(id)) {
      co_return closed(*state);
    } else {
      co_await state->event.wait();
    }
  }
}

}  // namespace

LinkStream::~LinkStream() {
  // Until its events and pending writes have gone, the mux still needs the state.
  state_->abandoned = true;
  close();
  core_->settle(id_, *state_);
}

awaitable<Result<std::size_t>> LinkStream::read(asio::mutable_buffer buffer, stream::Lane lane) {
  return read_lane(core_, id_, state_, buffer, lane);
}

awaitable<Result<void>> LinkStream::write(asio::const_buffer bytes, stream::Lane lane) {
  return write_lane(core_, id_, state_, bytes, lane);
}

awaitable<void> LinkStream::wait_readable(stream::Lane lane) {
  return lane_readable(core_, id_, state_, lane);
}

awaitable<Result<std::size_t>> LinkStream::wait_writable(stream::Lane lane) {
  return lane_writable(core_, id_, state_, lane);
}

awaitable<Result<stream::Event>> LinkStream::read_event() { return next_event(core_, id_, state_); }

void LinkStream::write_eof() {
  state_->want_eof = true;
  core_->settle(id_, *state_);
}

void LinkStream::send_event(stream::Event event) {
  const bool last = std::holds_alternative<stream::ExitStatus>(event) ||
                    std::holds_alternative<stream::ExitSignal>(event);
  if (state_->over || state_->want_close ||
      (state_->unsent_events.size() > kMaxUnsentEvents && !last)) {
    return;
  }
  state_->unsent_events += encode_event(event);
  core_->flush_events(id_, *state_);
  core_->kick();
}

void LinkStream::close() {
  if (!state_->want_close) {
    state_->want_close = true;
    core_->settle(id_, *state_);
    state_->wake();
  }
}

void LinkStream::break_off() {
  state_->broken = state_->broken || !state_->want_close;
  close();
}

LinkOffer::~LinkOffer() {
  if (state_) {
    refuse(stream::Refusal::kConnectFailed, "the request was not answered");
  }
}

std::unique_ptr<stream::Stream> LinkOffer::accept(std::string_view answer) {
  core_->mux.accept(id_, answer);
  core_->kick();
  return std::make_unique<LinkStream>(core_, id_, std::move(state_));
}

void LinkOffer::refuse(stream::Refusal why, std::string reason) {
  core_->mux.refuse(id_, why, reason);
  core_->states.erase(id_);
  state_ = nullptr;
  core_->kick();
}

}  // namespace rdev::link
