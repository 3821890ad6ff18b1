#include "protocol/link/endpoint.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "protocol/base/spare_memory.h"
#include "protocol/base/task_group.h"
#include "protocol/base/with_timeout.h"
#include "protocol/link/core.h"
#include "protocol/link/link_stream.h"
#include "protocol/stream/portion.h"

namespace rdev::link {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
// One write to the carrier.
constexpr std::size_t kLeastWritten = wire::kMaxFrameBytes / 4;
constexpr std::size_t kMostWritten = 4 * wire::kMaxFrameBytes;
constexpr std::chrono::seconds kFarewell{1};
// Marks of a peer that does not read the answers get none.
constexpr std::size_t kMostAnswers = 16384;
constexpr std::chrono::seconds kOwed{1};

Result<void> answer_mark(Core& core, Connection& connection, std::string_view mark) {
  const auto answer = Flow::answer(mark);
  if (!answer) {
    return tl::make_unexpected(answer.error());
  }
  if (connection.control.size() < kMostAnswers) {
    wire::append_frame(connection.control, {.type = wire::Type::kArrived}, *answer);
    core.kick();
  }
  return {};
}

Result<void> take(const std::shared_ptr<Core>& core, Connection& connection,
                  const wire::Frame& frame) {
  if (frame.header.type == wire::Type::kMark) {
    return answer_mark(*core, connection, frame.payload);
  }
  if (frame.header.type == wire::Type::kArrived) {
    return connection.flow.arrived(frame.payload);
  }
  if (!wire::is_stream_frame(frame.header.type)) {
    return core->handler == nullptr ? Result<void>{} : core->handler->on_frame(frame);
  }
  auto received = core->mux.receive(frame);
  Core::dispatch(core);
  core->owe();
  return received;
}

awaitable<void> receive(std::shared_ptr<Core> core, std::shared_ptr<Connection> connection,
                        stream::Stream& carrier) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  wire::Decoder decoder;
  while (!connection->why) {
    const auto n = co_await carrier.read(asio::buffer(buffer.get(), kReadBytes));
    if (!n || *n == 0) {
      connection->finish(n ? Error{Code::kClosed, "the connection was closed"} : n.error());
      co_return;
    }
    if (connection->why) {
      co_return;  // its streams may go on over another one
    }
    core->bytes_in += *n;
    decoder.feed({buffer.get(), *n});
    while (!connection->why) {
      const auto frame = decoder.next();
      if (!frame) {
        connection->fault(frame.error());
        co_return;
      }
      if (!*frame) {
        break;
      }
      if (const auto taken = take(core, *connection, **frame); !taken) {
        connection->fault(taken.error());
        co_return;
      }
    }
  }
}

awaitable<void> send(std::shared_ptr<Core> core, std::shared_ptr<Connection> connection,
                     stream::Stream& carrier) {
  std::string out;
  stream::Portion portion(kLeastWritten, kMostWritten);
  for (;;) {
    co_await connection->flow.turn();
    out.assign(connection->control);  // a swap would give its memory away
    connection->control.clear();
    if (!connection->why) {
      if (const auto mark = core->over_network ? connection->flow.mark() : std::nullopt) {
        wire::append_frame(out, {.type = wire::Type::kMark}, *mark);
      }
      core->mux.produce(out, std::min(portion.size(), connection->flow.portion()));
    }
    if (!out.empty()) {
      const auto began = std::chrono::steady_clock::now();
      if (const auto written = co_await carrier.write(asio::buffer(out)); !written) {
        connection->sent_all = true;
        connection->finish(written.error());
        connection->ended.notify();
        co_return;
      }
      core->bytes_out += out.size();
      connection->flow.sent(out.size());
      portion.took(out.size(), std::chrono::steady_clock::now() - began);
    } else if (connection->why) {
      connection->sent_all = true;
      connection->ended.notify();
      co_return;
    } else {
      connection->flow.idle();
      connection->waiting = true;
      connection->idle.notify();
      co_await connection->output.wait();
      connection->waiting = false;
    }
  }
}

// What is too little for credit is told after a while: the peer of an idle stream need not keep it.
awaitable<void> acknowledge(std::shared_ptr<Core> core) {
  asio::steady_timer timer(core->executor);
  for (;;) {
    while (!core->owing) {
      co_await core->taken.wait();
    }
    timer.expires_after(kOwed);
    co_await timer.async_wait(use_tuple);
    core->owing = false;
    core->mux.acknowledge();
    core->kick();
    base::give_back_memory();
  }
}

awaitable<Result<void>> sent_all(std::shared_ptr<Connection> connection) {
  while (!connection->sent_all) {
    co_await connection->ended.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> flushed(std::shared_ptr<Core> core) {
  const auto connection = core->connection;
  while (connection && !connection->why &&
         (!connection->waiting || !connection->control.empty() || core->mux.has_output())) {
    co_await connection->idle.wait();
  }
  co_return Result<void>{};
}

// Gives up a stream that nobody waits for any more.
class Asking final {
 public:
  Asking(Core& core, mux::StreamId id) : core_(&core), id_(id) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() {
    if (core_ != nullptr) {
      core_->mux.reset(id_, "nobody waits for it any more");
      core_->states.erase(id_);
      core_->kick();
    }
  }
  void answered() { core_ = nullptr; }

 private:
  Core* core_;
  mux::StreamId id_;
};

awaitable<Result<Opened>> ask(std::shared_ptr<Core> core, std::string request,
                              mux::StreamId parent) {
  if (core->over) {
    co_return fail(Code::kClosed, "there is no connection");
  }
  const auto id = core->mux.open(request, parent);
  if (!id) {
    co_return tl::make_unexpected(id.error());
  }
  const auto state = core->add(*id);
  Asking asking(*core, *id);
  core->kick();
  while (!state->answer && !state->over) {
    co_await state->event.wait();
  }
  asking.answered();
  if (!state->answer) {
    co_return tl::make_unexpected(*state->over);
  }
  co_return Opened{.stream = std::make_unique<LinkStream>(core, *id, state),
                   .answer = std::move(*state->answer),
                   .id = *id};
}

}  // namespace

struct Endpoint::Impl {
  std::shared_ptr<Core> core;
  std::string first;  // frames that wait for a connection
};

Endpoint::Endpoint(const asio::any_io_executor& executor, const mux::Options& options,
                   Handler& handler)
    : impl_(std::make_shared<Impl>(Impl{std::make_shared<Core>(executor, options, handler), {}})) {}

Endpoint::~Endpoint() {
  const auto core = impl_->core;
  core->handler = nullptr;
  core->mux.reset_all("the link has ended");
  Core::dispatch(core);
}

awaitable<Error> Endpoint::run(stream::Stream& carrier, std::string first,
                               std::string goodbye_to_former) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const std::shared_ptr<Core> core = impl_->core;
  const auto connection = std::make_shared<Connection>(core->executor, std::move(first));
  connection->control += std::exchange(impl_->first, {});
  core->begin(connection, goodbye_to_former);
  base::TaskGroup tasks(core->executor);
  tasks.spawn("link receive", link::receive(core, connection, carrier));
  tasks.spawn("link send", link::send(core, connection, carrier));
  tasks.spawn("link acknowledge", link::acknowledge(core));
  while (!connection->why) {
    co_await connection->ended.wait();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      connection->finish({Code::kCancelled, "the link was stopped"});
    }
  }
  if (core->connection == connection) {
    core->connection = nullptr;
    core->mux.suspend();
  }
  if (connection->farewell) {
    // Best effort: a dead carrier takes no goodbye.
    (void)co_await base::with_timeout(sent_all(connection), kFarewell, "the goodbye");
  }
  tasks.cancel();
  co_await tasks.wait();
  co_return *connection->why;
}

void Endpoint::end(Error why) {
  if (const auto connection = impl_->core->connection) {
    connection->farewell = true;
    connection->finish(std::move(why));
  }
}

void Endpoint::reset_all(std::string_view why) {
  const std::shared_ptr<Core> core = impl_->core;
  core->over = true;
  core->mux.reset_all(why);
  Core::dispatch(core);
}

void Endpoint::set_round_trip(std::uint64_t microseconds) {
  impl_->core->mux.set_most_window(mux::most_window(microseconds));
  Core::dispatch(impl_->core);
}

void Endpoint::pause() { impl_->core->mux.suspend(); }

void Endpoint::resume() {
  impl_->core->mux.resume();
  impl_->core->kick();
}

std::vector<std::uint32_t> Endpoint::consumers() const { return impl_->core->mux.consumers(); }

void Endpoint::send(wire::Type type, std::string_view payload) {
  const auto& connection = impl_->core->connection;
  wire::append_frame(connection ? connection->control : impl_->first, {.type = type}, payload);
  impl_->core->kick();
}

awaitable<Result<void>> Endpoint::flush() { return flushed(impl_->core); }

awaitable<Result<Opened>> Endpoint::open(std::string request, mux::StreamId parent) {
  return ask(impl_->core, std::move(request), parent);
}

void Endpoint::detach(std::uint32_t consumer) {
  impl_->core->mux.detach(consumer);
  Core::dispatch(impl_->core);
}

std::size_t Endpoint::streams() const { return impl_->core->mux.streams(); }
std::size_t Endpoint::held() const { return impl_->core->mux.held(); }
std::uint64_t Endpoint::bytes_in() const { return impl_->core->bytes_in; }
std::uint64_t Endpoint::bytes_out() const { return impl_->core->bytes_out; }

}  // namespace rdev::link
