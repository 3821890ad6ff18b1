#pragma once

#include <memory>
#include <string>
#include <utility>

#include "protocol/link/core.h"

namespace rdev::link {

// A stream of the mux as its user sees it.
class LinkStream final : public stream::Stream {
 public:
  LinkStream(std::shared_ptr<Core> core, mux::StreamId id, std::shared_ptr<StreamState> state)
      : core_(std::move(core)), id_(id), state_(std::move(state)) {}
  LinkStream(const LinkStream&) = delete;
  LinkStream& operator=(const LinkStream&) = delete;
  ~LinkStream() override;

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer, stream::Lane lane) override;
  awaitable<Result<void>> write(asio::const_buffer bytes, stream::Lane lane) override;
  awaitable<void> wait_readable(stream::Lane lane) override;
  awaitable<Result<std::size_t>> wait_writable(stream::Lane lane) override;
  void write_eof() override;
  awaitable<Result<stream::Event>> read_event() override;
  void send_event(stream::Event event) override;
  void close() override;
  void break_off() override;

 private:
  std::shared_ptr<Core> core_;
  mux::StreamId id_;
  std::shared_ptr<StreamState> state_;
};

// A stream that the peer wants.
class LinkOffer final : public Offer {
 public:
  LinkOffer(std::shared_ptr<Core> core, mux::StreamId id, std::shared_ptr<StreamState> state)
      : core_(std::move(core)), id_(id), state_(std::move(state)) {}
  LinkOffer(const LinkOffer&) = delete;
  LinkOffer& operator=(const LinkOffer&) = delete;
  ~LinkOffer() override;

  std::unique_ptr<stream::Stream> accept() override { return accept({}); }
  std::unique_ptr<stream::Stream> accept(std::string_view answer) override;
  void refuse(stream::Refusal why, std::string reason) override;
  mux::StreamId id() const override { return id_; }

 private:
  std::shared_ptr<Core> core_;
  mux::StreamId id_;
  std::shared_ptr<StreamState> state_;  // null once answered
};

}  // namespace rdev::link
