#pragma once

#include <memory>
#include <string>

#include "client/commands/wait_notice.h"
#include "client/link/attach.h"
#include "client/state/paths.h"
#include "protocol/rdev.pb.h"

namespace rdev::commands {

// A session in a job, over the link.
struct Joined {
  std::unique_ptr<link_process::Attached> link;
  std::unique_ptr<stream::Stream> stream;  // ends before its link
  std::string refusal;                     // why there is no stream over a link that works
};

// `notice` hears why it takes long.
awaitable<Result<Joined>> join_session(const state::Paths& paths, std::string name, Session session,
                                       WaitNotice& notice);

// Why a stream broke: the link knows better, unless it still works.
awaitable<Error> why_broken(link_process::Attached& link, Error stream);

}  // namespace rdev::commands
