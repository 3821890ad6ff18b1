#include "client/commands/exec_all.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <utility>

#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/remote_join.h"
#include "client/commands/session_request.h"
#include "client/state/instance_name.h"
#include "client/terminal/exit_code.h"
#include "client/terminal/labelled.h"
#include "client/terminal/relay.h"
#include "client/terminal/standard.h"
#include "client/tunnels/attached.h"
#include "protocol/base/task_group.h"

namespace rdev::commands {
namespace {

constexpr std::size_t kReadBytes = 64U << 10U;

// The command in one instance.
struct One {
  std::string name, label;
  Joined joined;  // kept until all tasks have ended: they may use its stream
  int lanes = 0;  // that are still copied
  bool runs = false, ended = false;
  int code = terminal::kLinkFailed;
};

class Everywhere final {
 public:
  Everywhere(Context& context, Session session, std::vector<std::string> names, std::string job)
      : context_(context),
        session_(std::move(session)),
        notice_(context.executor, std::move(job)),
        out_(context.executor, STDOUT_FILENO),
        err_(context.executor, STDERR_FILENO),
        tasks_(context.executor),
        changed_(context.executor) {
    const std::string last = std::to_string(names.size() - 1);
    for (std::size_t rank = 0; rank < names.size(); ++rank) {
      const std::string number = std::to_string(rank);
      runs_.push_back({.name = names[rank],
                       .label = std::string(last.size() - number.size(), ' ') + number + ": "});
    }
  }

  awaitable<int> run() {
    asio::signal_set signals(context_.executor);
    terminal::add_relayed_signals(signals);
    awaited_ = runs_.size();
    for (One& one : runs_) {
      tasks_.spawn("instance " + one.name, run_one(one));
    }
    tasks_.spawn("signals", follow_signals(signals));
    tasks_.spawn("stdout", watch(out_));
    tasks_.spawn("stderr", watch(err_));
    while (!early_ &&
           !std::all_of(runs_.begin(), runs_.end(), [](const One& one) { return one.ended; })) {
      co_await changed_.wait();
    }
    if (!early_) {
      (void)co_await out_.flush();
      (void)co_await err_.flush();
    }
    tasks_.cancel();
    co_await tasks_.wait();
    if (awaited_ > 0) {
      co_await notice_.end();
    }
    int worst = 0;
    for (const One& one : runs_) {
      worst = std::max(worst, one.code);
    }
    co_return early_.value_or(worst);
  }

 private:
  awaitable<void> run_one(One& one) {
    const auto code = co_await code_of(one);
    if (code) {
      one.code = *code;
    } else {
      (void)co_await err_.write(one.label + "rdev: " + code.error().message + "\n");
    }
    one.ended = true;
    changed_.notify();
  }

  awaitable<Result<int>> code_of(One& one) {
    auto joined = co_await join_session(context_.paths, one.name, session_, notice_);
    if (--awaited_ == 0) {
      co_await notice_.end();
    }
    if (!joined) {
      co_return tl::make_unexpected(joined.error());
    }
    one.joined = *std::move(joined);
    if (one.joined.stream == nullptr) {
      (void)co_await err_.write(one.label + "rdev: " + one.joined.refusal + "\n");
      co_return 1;
    }
    one.runs = true;
    one.joined.stream->write_eof();
    auto code = co_await follow(one);
    one.runs = false;
    one.joined.stream->close();
    if (!code) {
      co_return tl::make_unexpected(co_await why_broken(*one.joined.link, code.error()));
    }
    co_return code;
  }

  // Until all output is written and the command's end is known.
  awaitable<Result<int>> follow(One& one) {
    one.lanes = 2;
    tasks_.spawn("stdout of " + one.name, copy(one, stream::Lane::kData, out_));
    tasks_.spawn("stderr of " + one.name, copy(one, stream::Lane::kStderr, err_));
    const auto code = co_await read_end(*one.joined.stream);
    while (one.lanes > 0) {
      co_await changed_.wait();
    }
    co_return code;
  }

  static awaitable<Result<int>> read_end(stream::Stream& stream) {
    std::optional<int> code;
    for (;;) {
      const auto event = co_await stream.read_event();
      if (!event) {
        co_return code ? Result<int>(*code)
                       : fail(event.error().code,
                              "the session ended without an exit code: " + event.error().message);
      }
      if (const auto* status = std::get_if<stream::ExitStatus>(&*event)) {
        code = terminal::exit_code(*status);
      } else if (const auto* signal = std::get_if<stream::ExitSignal>(&*event)) {
        code = terminal::exit_code(*signal);
      }
    }
  }

  // That a stream is lost, its events tell.
  awaitable<void> copy(One& one, stream::Lane lane, terminal::LabelledOutput& output) {
    terminal::Labeller labeller(one.label);
    std::vector<char> buffer(kReadBytes);
    for (;;) {
      const auto n = co_await one.joined.stream->read(asio::buffer(buffer), lane);
      if (!n || *n == 0) {
        break;
      }
      // That nobody reads it any more, watch() hears.
      (void)co_await output.write(labeller.add({buffer.data(), *n}));
    }
    (void)co_await output.write(labeller.rest());
    --one.lanes;
    changed_.notify();
  }

  // A reader of ours that has gone ends it all, as it would a command's own.
  awaitable<void> watch(terminal::LabelledOutput& output) {
    const Error error = co_await output.failure();
    early_ = error.code == Code::kClosed ? 128 + SIGPIPE : 1;
    changed_.notify();
  }

  // A session that is still being opened is given up.
  awaitable<void> follow_signals(asio::signal_set& signals) {
    for (;;) {
      const auto [error, signal] = co_await signals.async_wait(use_tuple);
      if (error) {
        co_return;
      }
      if (signal == SIGWINCH || signal == SIGCONT) {
        continue;
      }
      bool is_running = false;
      for (const One& one : runs_) {
        is_running = is_running || one.runs;
        if (one.runs) {
          one.joined.stream->send_event(stream::Signal{.name = terminal::signal_name(signal)});
        }
      }
      if (!is_running) {
        early_ = 128 + signal;
        changed_.notify();
      }
    }
  }

  Context& context_;
  const Session session_;
  WaitNotice notice_;
  terminal::LabelledOutput out_, err_;
  base::TaskGroup tasks_;
  base::Notify changed_;
  std::vector<One> runs_;
  std::size_t awaited_ = 0;   // of them are not joined yet
  std::optional<int> early_;  // our own code: nothing more is waited for
};

awaitable<Result<int>> in_all(Context& context, const RemoteCommand& command) {
  const auto name = job_name(command.job);
  auto session = session_request(command);
  if (!name || !session) {
    co_return tl::make_unexpected(name ? session.error() : name.error());
  }
  if (auto record = state::load(context.paths, *name); !record) {
    co_return tl::make_unexpected(record.error());
  }
  tunnels::raise_descriptor_limit();
  std::vector<std::string> names = state::all_instances(context.paths, *name);
  Everywhere everywhere(context, *std::move(session), std::move(names), *name);
  co_return co_await everywhere.run();
}

}  // namespace

int run_in_all(const RemoteCommand& command) {
  terminal::open_standard_descriptors();
  if (auto checked = check_words(command); !checked) {
    note(checked.error().message);
    return 2;
  }
  return run([&command](Context& context) { return in_all(context, command); },
             terminal::kLinkFailed);
}

}  // namespace rdev::commands
