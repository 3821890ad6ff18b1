#include "client/link/membership.h"

#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <utility>

#include "client/link/attach_protocol.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/keys.h"

namespace rdev::link_process {
namespace {

constexpr char kProgram[] = "rdev " RDEV_VERSION;
// The link process answers ATTACH at once, whatever the state of the link.
constexpr std::chrono::seconds kHangs{10};
// Before each attempt to reach another link process.
constexpr std::chrono::milliseconds kPauses[] = {
    std::chrono::milliseconds(0), std::chrono::milliseconds(200), std::chrono::seconds(1),
    std::chrono::seconds(3), std::chrono::seconds(10)};

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

void log_thrown(const std::exception_ptr& thrown) {
  try {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
  } catch (const std::exception& error) {
    base::log_error("the link's connection threw", {{"error", error.what()}});
  }
}

}  // namespace

Membership::Membership(const asio::any_io_executor& executor, base::Fd socket, Connect again,
                       AttachOptions asked)
    : connect(std::move(again)),
      options(std::move(asked)),
      consumer(random_consumer()),
      carrier(std::make_unique<stream::SocketStream>(executor, std::move(socket))),
      endpoint(executor,
               {.side = mux::Side::kClient, .consumer = consumer, .most_window = mux::kMostWindow},
               *this),
      changed(executor) {
  carrier->keep_short();
}

void Membership::on_open(std::string_view request, mux::StreamId parent,
                         std::unique_ptr<link::Offer> offer) {
  StreamRequest asked;
  if (!parse(asked, request)) {
    offer->refuse(stream::Refusal::kUnknownType, "the request cannot be read");
  } else if (!options.on_open) {
    offer->refuse(stream::Refusal::kProhibited, "nobody here takes streams");
  } else {
    options.on_open(asked, parent, std::move(offer));
  }
}

Result<void> Membership::on_frame(const wire::Frame& frame) {
  switch (frame.header.type) {
    case wire::Type::kAttached:
      return on_attached(frame.payload);
    case wire::Type::kPaused:
      endpoint.pause();
      return {};
    case wire::Type::kStatus:
      return on_status(frame.payload);
    case wire::Type::kLost:
      return on_lost(frame.payload);
    default:
      return {};
  }
}

Result<void> Membership::on_attached(std::string_view payload) {
  ::rdev::Attached message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return fail(Code::kProtocol, "an ATTACHED that cannot be read");
  }
  endpoint.set_round_trip(message.rtt_us());
  if (attached) {
    endpoint.resume();
  }
  attached = true;
  changed.notify();
  return {};
}

Result<void> Membership::on_status(std::string_view payload) {
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

Result<void> Membership::on_lost(std::string_view payload) {
  Lost said;
  if (!parse(said, payload)) {
    return fail(Code::kProtocol, "the link process sent a farewell that cannot be read");
  }
  told = true;
  return fail(said.final() ? Code::kClosed : Code::kUnavailable, said.reason());
}

awaitable<void> Membership::run(std::shared_ptr<Membership> self) {
  std::optional<Error> why;
  while (!why) {
    const Error ended = co_await self->endpoint.run(*self->carrier);
    self->carrier->close();
    if (self->told || self->left) {
      why = ended;
    } else if (ended.code != Code::kClosed) {
      why = Error{Code::kUnavailable, ended.message};  // the agent, or the link process, errs
    } else if (!self->attached) {
      why = Error{Code::kUnavailable, "the link process has ended (" + ended.message + ")"};
    } else if (auto again = co_await reconnect(self); !again) {
      why = again.error();
    }
  }
  self->endpoint.reset_all(why->message);
  self->over = std::move(why);
  self->changed.notify();
}

awaitable<Result<void>> Membership::reconnect(std::shared_ptr<Membership> self) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  Error last;
  for (const auto before : kPauses) {
    pause.expires_after(before);
    (void)co_await pause.async_wait(use_tuple);
    if (self->left) {
      co_return fail(Code::kClosed, "the link is not used any more");
    }
    auto socket = co_await self->connect();
    if (socket) {
      self->carrier = std::make_unique<stream::SocketStream>(co_await asio::this_coro::executor,
                                                             std::move(*socket));
      self->carrier->keep_short();
      self->say_hello(true);
      co_return Result<void>{};
    }
    last = socket.error();
    if (last.code == Code::kNotFound) {
      break;
    }
  }
  co_return prefix("the link process has ended, and another one cannot be had", last);
}

void Membership::say_hello(bool resuming) {
  Attach hello;
  hello.set_consumer(consumer);
  hello.set_what(options.what);
  hello.set_program(kProgram);
  hello.set_protocol(kAttachProtocol);
  hello.set_resuming(resuming);
  endpoint.send(wire::Type::kAttach, hello.SerializeAsString());
}

awaitable<Result<void>> Membership::answered(std::shared_ptr<Membership> self) {
  while (!self->attached && !self->over && !self->status) {
    co_await self->changed.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> Membership::settled(std::shared_ptr<Membership> self) {
  while (!self->attached && !self->over) {
    co_await self->changed.wait();
  }
  if (self->over) {
    co_return tl::make_unexpected(*self->over);
  }
  co_return Result<void>{};
}

awaitable<Result<void>> Membership::join(std::shared_ptr<Membership> self, std::string job) {
  self->say_hello(false);
  // Not in a task group: it goes on for as long as the socket takes to close after leave().
  asio::co_spawn(co_await asio::this_coro::executor, run(self), log_thrown);
  if (!co_await base::with_timeout(answered(self), kHangs, "the link process")) {
    self->hangs = true;
    co_return fail(Code::kTimeout, "the link process of " + job + " does not answer");
  }
  auto joined = co_await base::with_timeout(settled(self), self->options.limit, "the link");
  if (joined || self->over) {
    co_return joined;
  }
  const std::string why = self->status ? self->status->reason() : "";
  co_return fail(Code::kTimeout, "the link to " + job + " did not come up within " +
                                     std::to_string(self->options.limit.count()) + " s: " +
                                     (why.empty() ? "the agent has not answered yet" : why));
}

awaitable<bool> Membership::may_try_again(std::shared_ptr<Membership> self, Background background) {
  if (!self->hangs && !self->over) {
    co_return false;  // there was time enough
  }
  if (self->over && !self->told) {
    co_return true;  // it was about to end as we came
  }
  const bool job_over = self->over && self->over->code == Code::kClosed;
  const bool replaceable =
      self->status && self->status->program() != kProgram && self->status->consumers() == 0;
  if (!self->hangs && !job_over && !replaceable) {
    co_return false;
  }
  auto process = process_of(background);
  if (!process) {
    co_return false;
  }
  const auto ended = job_over ? co_await await_end(std::move(*process))
                              : co_await end_process(std::move(*process));
  co_return ended && !job_over;
}

awaitable<Error> Membership::lost(std::shared_ptr<Membership> self) {
  while (!self->over) {
    co_await self->changed.wait();
  }
  co_return *self->over;
}

void Membership::leave() {
  left = true;
  options.on_open = nullptr;
  options.waiting = nullptr;
  endpoint.end({Code::kClosed, "the link is not used any more"});
}

}  // namespace rdev::link_process
