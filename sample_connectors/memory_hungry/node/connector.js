// Reads a SaaS's answer of `{"megabytes": N}` and says how much it read.
//
// Known weakness of `handler`: it has the whole answer in memory at once, so that its memory grows with the data. The
// body of an answer is a Buffer, outside the heap that V8 limits and collects: past the function's memory size it is
// the kernel that ends the process, with no exception and no line of its own in the log. `streaming` has one megabyte
// of it at a time.

const MB = 1024 * 1024; // bytes

let invocations = 0; // of this execution environment: 1 again after a cold start

exports.handler = async (event) => answer(read(event.megabytes).length);

exports.streaming = async (event) => {
  let length = 0;
  while (length < event.megabytes * MB) length += read(1).length;
  return answer(length);
};

// What a SaaS would send, without one to ask.
function read(megabytes) {
  return Buffer.alloc(megabytes * MB, 1);
}

function answer(length) {
  invocations += 1;
  return { megabytes: length / MB, invocation: invocations };
}
