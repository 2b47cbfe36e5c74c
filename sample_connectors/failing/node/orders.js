// Lists the first orders, `GET /orders?limit=N`, behind API Gateway with Lambda proxy integration.
//
// Known weakness of `handler`: it takes the client's text for a number. Nobody catches the exception; the client gets
// 502, and the stack trace is in the log alone. `careful` answers 400 and says what is wrong.

exports.handler = async (event) => list(event);

exports.careful = async (event) => {
  try {
    return list(event);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    return answer(400, { message: "limit must be a whole number" });
  }
};

function list(event) {
  const limit = Number(event.queryStringParameters.limit);
  return answer(200, { orders: Array.from(new Array(limit), (_, index) => index + 1) });
}

function answer(status, body) {
  return { statusCode: status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
