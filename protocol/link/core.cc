#include "protocol/link/core.h"

#include "protocol/link/link_stream.h"
#include "protocol/rdev.pb.h"
#include "protocol/stream/refusal.h"

namespace rdev::link {
namespace {

std::size_t index(mux::Lane lane) { return static_cast<std::size_t>(lane); }

}  // namespace

void StreamState::wake() {
  readable[0].notify();
  readable[1].notify();
  writable.notify();
  event.notify();
}

StreamState* Core::find(mux::StreamId id) {
  const auto it = states.find(id);
  return it == states.end() ? nullptr : it->second.get();
}

std::shared_ptr<StreamState> Core::add(mux::StreamId id) {
  auto state = std::make_shared<StreamState>(executor);
  states[id] = state;
  return state;
}

void Core::dispatch(const std::shared_ptr<Core>& self) {
  while (auto event = self->mux.next_event()) {
    on_event(self, *event);
  }
  self->kick();
}

void Core::on_event(const std::shared_ptr<Core>& self, mux::Event& event) {
  using Kind = mux::Event::Kind;
  if (event.kind == Kind::kOpened) {
    if (self->handler == nullptr) {
      self->mux.refuse(event.id, stream::Refusal::kResourceShortage, "the link ends");
      return;
    }
    auto offer = std::make_unique<LinkOffer>(self, event.id, self->add(event.id));
    self->handler->on_open(event.text, event.parent, std::move(offer));
    return;
  }
  const auto it = self->states.find(event.id);
  if (it == self->states.end()) {
    return;
  }
  const std::shared_ptr<StreamState> state = it->second;
  switch (event.kind) {
    case Kind::kAccepted:
      state->answer = std::move(event.text);
      state->event.notify();
      break;
    case Kind::kReadable:
      if (event.lane != mux::Lane::kControl) {
        state->readable[index(event.lane)].notify();
        break;
      }
      state->event.notify();
      if (self->mux.closed_by_peer(event.id)) {
        state->wake();
      }
      break;
    case Kind::kWritable:
      if (event.lane != mux::Lane::kControl) {
        state->writable.notify();
        break;
      }
      self->flush_events(event.id, *state);
      self->settle(event.id, *state);
      break;
    case Kind::kRefused:
    case Kind::kReset:
      state->over =
          Error{event.kind == Kind::kRefused ? stream::code_of(event.refusal) : Code::kClosed,
                std::move(event.text)};
      self->states.erase(it);
      state->wake();
      break;
    case Kind::kOpened:
      break;
  }
}

void Core::kick() {
  if (connection && (!connection->control.empty() || mux.has_output())) {
    connection->output.notify();
  }
}

void Core::flush_events(mux::StreamId id, StreamState& state) {
  const std::size_t taken = mux.write(id, mux::Lane::kControl, state.unsent_events);
  state.unsent_events.erase(0, taken);
}

void Core::owe() {
  if (!owing) {
    owing = true;
    taken.notify();
  }
}

void Core::settle(mux::StreamId id, StreamState& state) {
  if (state.over || state.writing > 0) {
    return;
  }
  if (state.broken) {
    mux.break_off(id);
  }
  if (state.want_eof || state.want_close) {
    mux.finish(id, mux::Lane::kData);
    mux.finish(id, mux::Lane::kStderr);
  }
  if (state.want_close && state.unsent_events.empty()) {
    mux.close(id);
    if (state.abandoned) {
      states.erase(id);  // the mux has the rest; `state` may be gone now
    }
  }
  kick();
}

void Connection::finish(Error reason) {
  if (!why) {
    why = std::move(reason);
    ended.notify();
    output.notify();
    idle.notify();
  }
}

void Connection::say_goodbye(const std::string& reason, std::string_view payload) {
  if (!why) {
    wire::append_frame(control, {.type = wire::Type::kGoodbye}, payload);
    farewell = true;
    finish({Code::kClosed, reason});
  }
}

void Connection::fault(const Error& reason) {
  if (reason.code == Code::kProtocol) {
    Goodbye goodbye;
    goodbye.set_reason(reason.message);
    say_goodbye(reason.message, goodbye.SerializeAsString());
  }
  finish(reason);
}

void Core::begin(std::shared_ptr<Connection> next, std::string_view goodbye_to_former) {
  if (connection) {
    mux.suspend();
    connection->say_goodbye("the session goes on over another connection", goodbye_to_former);
  }
  connection = std::move(next);
  over = false;
}

}  // namespace rdev::link
