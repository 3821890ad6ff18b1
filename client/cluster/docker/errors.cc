#include "client/cluster/docker/errors.h"

#include <initializer_list>
#include <string_view>

namespace rdev::cluster::docker {
namespace {

struct Known {
  std::string_view part;  // of the engine's message
  Code code;
  std::string_view sentence;  // %I image, %U user, %P where it is published
};

// The first that fits counts. Messages of dockerd 20.10 to 28 and of runc.
constexpr Known kKnown[] = {
    {"no space left on device", Code::kLimit,
     "the engine's disk is full; `docker system prune` frees some"},
    {"disk quota exceeded", Code::kLimit, "the engine's disk quota is used up"},
    {"No such image", Code::kNotFound, "image %I not found on the engine"},
    {"port is already allocated", Code::kExists,
     "the port to publish on is taken: %P; choose another (--publish ADDRESS:PORT)"},
    {"address already in use", Code::kExists,
     "the port to publish on is taken: %P; choose another (--publish ADDRESS:PORT)"},
    {"cannot assign requested address", Code::kUsage,
     "the engine's machine does not have the address to publish on: %P"},
    {"unable to find user", Code::kUsage,
     "no such user in the image: %U; choose one of its /etc/passwd, or a number (--user 1000)"},
    {"unable to find group", Code::kUsage,
     "no such group in the image: %U; choose one of its /etc/group, or a number"},
    {"no matching entries in passwd", Code::kUsage,
     "no such user in the image: %U; choose one of its /etc/passwd, or a number (--user 1000)"},
    {"bind source path does not exist", Code::kUsage,
     "a path to mount does not exist where the engine runs"},
    {"invalid mount config", Code::kUsage, "a mount is not possible"},
    {"could not select device driver", Code::kUsage,
     "the engine has no GPU support (the NVIDIA Container Toolkit); leave out --gpus"},
    {"nvidia-container-cli", Code::kUsage, "the engine cannot give the GPUs asked for"},
    {"Minimum memory limit", Code::kUsage, "the memory limit is below what docker gives"},
    {"Range of CPUs", Code::kUsage, "the engine does not have as many CPUs as asked for"},
    {"exec format error", Code::kUsage, "the engine's machine does not run linux/amd64 programs"},
    {"is already in use by container", Code::kExists,
     "a container of the job's name exists already"},
    {"error mounting", Code::kUsage, "a path can't be mounted there in this image"},
    {"not a directory", Code::kUsage,
     "a path to mount and the path in the image are not both directories or both files"},
    {"No such container", Code::kNotFound, "somebody removed the container while it was made"},
};

std::string published(const JobSpec& spec) {
  std::string text = "agent on " + spec.publish.value_or("127.0.0.1");
  for (const std::uint16_t port : spec.ports) {
    text += ", " + std::to_string(port);
  }
  return text;
}

std::string fill(std::string_view sentence, const JobSpec& spec) {
  std::string text;
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    if (sentence[i] != '%') {
      text += sentence[i];
      continue;
    }
    const char what = sentence[++i];
    text += what == 'I' ? spec.image : what == 'U' ? spec.user : published(spec);
  }
  return text;
}

std::string doing(Step step) {
  switch (step) {
    case Step::kCreate:
      return "cannot create the container";
    case Step::kCopy:
      return "cannot copy the agent into the container";
    case Step::kStart:
      return "cannot start the container";
  }
  return "";
}

}  // namespace

Error submit_error(Step step, int status, const std::string& message, const JobSpec& spec) {
  for (const Known& known : kKnown) {
    if (message.find(known.part) != std::string::npos) {
      return Error{known.code,
                   doing(step) + ": " + fill(known.sentence, spec) + " (" + message + ")"};
    }
  }
  return Error{status == 400 ? Code::kUsage : Code::kFailed, doing(step) + ": " + message};
}

}  // namespace rdev::cluster::docker
