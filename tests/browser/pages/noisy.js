console.error("said in a worker");
throw new Error("thrown in a worker");
