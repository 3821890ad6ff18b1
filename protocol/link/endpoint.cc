#include "protocol/link/endpoint.h"

#include "protocol/base/task_group.h"
#include "protocol/base/with_timeout.h"
#include "protocol/link/core.h"
#include "protocol/link/link_stream.h"

namespace rdev::link {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
// One write to the carrier, in front of the next keystroke.
constexpr std::size_t kWriteBytes = 4 * wire::kMaxFrameBytes;
constexpr std::chrono::seconds kFarewell{1};

Result<void> take(const std::shared_ptr<Core>& core, const wire::Frame& frame) {
  if (!wire::is_stream_frame(frame.header.type)) {
    return core->handler == nullptr ? Result<void>{} : core->handler->on_frame(frame);
  }
  auto received = core->mux.receive(frame);
  Core::dispatch(core);
  return received;
}

awaitable<void> receive(std::shared_ptr<Core> core, stream::Stream& carrier) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  wire::Decoder decoder;
  while (!core->why) {
    const auto n = co_await carrier.read(asio::buffer(buffer.get(), kReadBytes));
    if (!n || *n == 0) {
      core->finish(n ? Error{Code::kClosed, "the connection was closed"} : n.error());
      co_return;
    }
    core->bytes_in += *n;
    decoder.feed({buffer.get(), *n});
    while (!core->why) {
      const auto frame = decoder.next();
      if (!frame) {
        core->fault(frame.error());
        co_return;
      }
      if (!*frame) {
        break;
      }
      if (const auto taken = take(core, **frame); !taken) {
        core->fault(taken.error());
        co_return;
      }
    }
  }
}

awaitable<void> send(std::shared_ptr<Core> core, stream::Stream& carrier) {
  std::string out;
  for (;;) {
    out.assign(core->control);  // a swap would give its memory away
    core->control.clear();
    if (!core->why) {
      core->mux.produce(out, kWriteBytes);
    }
    if (!out.empty()) {
      if (const auto written = co_await carrier.write(asio::buffer(out)); !written) {
        core->sent_all = true;
        core->finish(written.error());
        core->ended.notify();
        co_return;
      }
      core->bytes_out += out.size();
    } else if (core->why) {
      core->sent_all = true;
      core->ended.notify();
      co_return;
    } else {
      core->waiting = true;
      core->idle.notify();
      co_await core->output.wait();
      core->waiting = false;
    }
  }
}

awaitable<Result<void>> sent_all(std::shared_ptr<Core> core) {
  while (!core->sent_all) {
    co_await core->ended.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> flushed(std::shared_ptr<Core> core) {
  while (!core->why && (!core->waiting || !core->control.empty() || core->mux.has_output())) {
    co_await core->idle.wait();
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
  if (!core->running) {
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
    co_await state->answered.wait();
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
};

Endpoint::Endpoint(const asio::any_io_executor& executor, const mux::Options& options,
                   Handler& handler)
    : impl_(std::make_shared<Impl>(Impl{std::make_shared<Core>(executor, options, handler)})) {}

Endpoint::~Endpoint() {
  const auto core = impl_->core;
  core->handler = nullptr;
  core->mux.reset_all("the link has ended");
  Core::dispatch(core);
}

awaitable<Error> Endpoint::run(stream::Stream& carrier) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const std::shared_ptr<Core> core = impl_->core;
  core->why.reset();
  core->farewell = core->sent_all = core->waiting = false;
  core->running = true;
  base::TaskGroup tasks(core->executor);
  tasks.spawn("link receive", link::receive(core, carrier));
  tasks.spawn("link send", link::send(core, carrier));
  while (!core->why) {
    co_await core->ended.wait();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      core->finish({Code::kCancelled, "the link was stopped"});
    }
  }
  if (core->farewell) {
    // Best effort: a dead carrier takes no goodbye.
    (void)co_await base::with_timeout(sent_all(core), kFarewell, "the goodbye");
  }
  core->running = false;
  tasks.cancel();
  co_await tasks.wait();
  core->mux.reset_all(core->why->message);
  Core::dispatch(core);
  core->control.clear();
  co_return *core->why;
}

void Endpoint::end(Error why) {
  impl_->core->farewell = true;
  impl_->core->finish(std::move(why));
}

void Endpoint::send(wire::Type type, std::string_view payload) {
  if (type == wire::Type::kHeartbeat) {
    impl_->core->mux.acknowledge();
  }
  wire::append_frame(impl_->core->control, {.type = type}, payload);
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
