/** A value of the graph: its tensor name, its shape, what it was made of and how gradients flow back. */
export class Value {
  constructor(name, shape, parents = [], backward = undefined) {
    Object.assign(this, {name, shape, parents, backward});
  }
}
