#include "client/link/membership.h"

#include <cstring>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/keys.h"

namespace rdev::link_process {
namespace {

constexpr char kProgram[] = "rdev " RDEV_VERSION;
// The link process answers ATTACH at once, whatever the state of the link.
constexpr std::chrono::seconds kHangs{10};

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

Membership::Membership(const asio::any_io_executor& executor, base::Fd socket, AttachOptions asked)
    : options(std::move(asked)),
      consumer(random_consumer()),
      carrier(executor, std::move(socket)),
      endpoint(executor, {.side = mux::Side::kClient, .consumer = consumer}, *this),
      changed(executor) {}

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
  Error why = co_await self->endpoint.run(self->carrier);
  self->carrier.close();
  self->over = self->told
                   ? std::move(why)
                   : Error{Code::kUnavailable, "the link process has ended (" + why.message + ")"};
  self->changed.notify();
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
  Attach hello;
  hello.set_consumer(self->consumer);
  hello.set_what(self->options.what);
  hello.set_program(kProgram);
  self->endpoint.send(wire::Type::kAttach, hello.SerializeAsString());
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
  options.on_open = nullptr;
  options.waiting = nullptr;
  endpoint.end({Code::kClosed, "the link is not used any more"});
}

}  // namespace rdev::link_process
