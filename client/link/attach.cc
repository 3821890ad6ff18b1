#include "client/link/attach.h"

#include <sys/socket.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "client/link/places.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/keys.h"
#include "protocol/stream/socket_stream.h"

namespace rdev::link_process {
namespace {

constexpr char kProgram[] = "rdev " RDEV_VERSION;
// The link process may be about to end, or be replaced by one of our version.
constexpr int kAttempts = 3;
// It answers ATTACH at once, whatever the state of the link.
constexpr std::chrono::seconds kHangs{10};

// A process that writes much is woken a quarter as often: half as fast again on two cores.
void enlarge(const base::Fd& socket) {
  const int most = 1 << 20;  // the kernel takes what net.core.wmem_max allows
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
}

template <class Message>
bool parse(Message& message, std::string_view payload) {
  return message.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
}

std::uint32_t random_consumer() {
  std::uint32_t number = 0;
  while (number == 0) {
    const ssh::Seed seed = ssh::random_seed();
    std::memcpy(&number, seed.data(), sizeof number);
  }
  return number;
}

}  // namespace

// Shared by the Attached and the coroutine that carries its frames.
struct Attached::Impl final : link::Endpoint::Handler {
  Impl(const asio::any_io_executor& executor, base::Fd socket, std::uint32_t consumer,
       AttachOptions asked)
      : options(std::move(asked)),
        carrier(executor, std::move(socket)),
        endpoint(executor, {.side = mux::Side::kClient, .consumer = consumer}, *this),
        changed(executor) {}

  void on_open(std::string_view request, mux::StreamId parent,
               std::unique_ptr<link::Offer> offer) override {
    StreamRequest asked;
    if (!parse(asked, request)) {
      offer->refuse(stream::Refusal::kUnknownType, "the request cannot be read");
    } else if (!options.on_open) {
      offer->refuse(stream::Refusal::kProhibited, "nobody here takes streams");
    } else {
      options.on_open(asked, parent, std::move(offer));
    }
  }

  Result<void> on_frame(const wire::Frame& frame) override {
    switch (frame.header.type) {
      case wire::Type::kAttached:
        attached = true;
        changed.notify();
        return {};
      case wire::Type::kStatus:
        return on_status(frame.payload);
      case wire::Type::kLost:
        return on_lost(frame.payload);
      default:
        return {};
    }
  }

  Result<void> on_status(std::string_view payload) {
    LinkStatus now;
    if (!parse(now, payload)) {
      return fail(Code::kProtocol, "the link process sent a status that cannot be read");
    }
    const bool news = !now.reason().empty() && (!status || status->reason() != now.reason());
    status = std::move(now);
    changed.notify();
    if (news && options.waiting) {
      options.waiting(status->reason());
    }
    return {};
  }

  Result<void> on_lost(std::string_view payload) {
    Lost said;
    if (!parse(said, payload)) {
      return fail(Code::kProtocol, "the link process sent a farewell that cannot be read");
    }
    told = true;
    return fail(said.final() ? Code::kClosed : Code::kUnavailable, said.reason());
  }

  static awaitable<void> run(std::shared_ptr<Impl> self) {
    Error why = co_await self->endpoint.run(self->carrier);
    self->carrier.close();
    self->over =
        self->told ? std::move(why)
                   : Error{Code::kUnavailable, "the link process has ended (" + why.message + ")"};
    self->changed.notify();
  }

  // Until the link process has said anything.
  static awaitable<Result<void>> answered(std::shared_ptr<Impl> self) {
    while (!self->attached && !self->over && !self->status) {
      co_await self->changed.wait();
    }
    co_return Result<void>{};
  }

  // Until streams may be opened.
  static awaitable<Result<void>> settled(std::shared_ptr<Impl> self) {
    while (!self->attached && !self->over) {
      co_await self->changed.wait();
    }
    if (self->over) {
      co_return tl::make_unexpected(*self->over);
    }
    co_return Result<void>{};
  }

  AttachOptions options;
  stream::SocketStream carrier;
  link::Endpoint endpoint;
  base::Notify changed;
  bool attached = false;
  bool told = false;  // why it is over
  std::optional<LinkStatus> status;
  std::optional<Error> over;
};

namespace {

void log_thrown(const std::exception_ptr& thrown) {
  try {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
  } catch (const std::exception& error) {
    base::log_error("the link's connection threw", {{"error", error.what()}});
  }
}

// A link process of another version: when nobody uses it, it makes room for ours.
awaitable<bool> replace(const Background& background, const std::optional<LinkStatus>& status) {
  if (!status || status->program() == kProgram || status->consumers() > 0) {
    co_return false;
  }
  auto process = process_of(background);
  co_return process&& co_await end_process(std::move(*process));
}

}  // namespace

Attached::Attached(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Attached::~Attached() {
  impl_->options.on_open = nullptr;
  impl_->options.waiting = nullptr;
  impl_->endpoint.end({Code::kClosed, "the link is not used any more"});
}

awaitable<Result<std::unique_ptr<Attached>>> Attached::attach(const state::Paths& paths,
                                                              std::string job,
                                                              AttachOptions options) {
  ::signal(SIGPIPE, SIG_IGN);  // the link process may go at any time
  const Background background = link_background(paths, job);
  Error last{Code::kUnavailable,
             "the link process ends as soon as it has begun: see rdev logs " + job + " --link"};
  for (int i = 0; i < kAttempts; ++i) {
    auto peer = connect_background(background);
    if (!peer) {
      if (auto record = state::load(paths, job); !record) {
        co_return tl::make_unexpected(record.error());
      }
      peer = co_await connect_or_start(background);
    }
    if (!peer) {
      co_return prefix("the link process of " + job, peer.error());
    }
    if (options.bulk) {
      enlarge(peer->socket);
    }
    const std::uint32_t consumer = random_consumer();
    const auto impl = std::make_shared<Impl>(co_await asio::this_coro::executor,
                                             std::move(peer->socket), consumer, options);
    std::unique_ptr<Attached> attached(new Attached(impl));
    Attach hello;
    hello.set_consumer(consumer);
    hello.set_what(options.what);
    hello.set_program(kProgram);
    impl->endpoint.send(wire::Type::kAttach, hello.SerializeAsString());
    // Not in a task group: it goes on for as long as the socket takes to close after this has gone.
    asio::co_spawn(co_await asio::this_coro::executor, Impl::run(impl), log_thrown);
    if (!co_await base::with_timeout(Impl::answered(impl), kHangs, "the link process")) {
      last = {Code::kTimeout, "the link process of " + job + " does not answer"};
      if (auto process = process_of(background)) {
        (void)co_await end_process(std::move(*process));
      }
      continue;
    }
    auto settled = co_await base::with_timeout(Impl::settled(impl), options.limit, "the link");
    if (settled) {
      co_return attached;
    }
    if (!impl->over) {
      const std::string why = impl->status ? impl->status->reason() : "";
      co_return fail(Code::kTimeout, "the link to " + job + " did not come up within " +
                                         std::to_string(options.limit.count()) + " s" +
                                         (why.empty() ? "" : ": " + why));
    }
    last = std::move(settled.error());
    if (last.code == Code::kClosed) {  // the job is over: its link process ends, too
      auto process = process_of(background);
      attached.reset();
      if (process) {
        (void)co_await await_end(std::move(*process));
      }
      break;
    }
    if (impl->told && !co_await replace(background, impl->status)) {
      break;
    }
  }
  co_return tl::make_unexpected(std::move(last));
}

awaitable<Result<link::Opened>> Attached::open(StreamRequest request) {
  return impl_->endpoint.open(request.SerializeAsString());
}

awaitable<Error> Attached::lost() {
  const auto impl = impl_;
  while (!impl->over) {
    co_await impl->changed.wait();
  }
  co_return *impl->over;
}

std::uint64_t Attached::bytes_in() const { return impl_->endpoint.bytes_in(); }
std::uint64_t Attached::bytes_out() const { return impl_->endpoint.bytes_out(); }

}  // namespace rdev::link_process
